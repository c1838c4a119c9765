// What the live view shows, apart from any screen.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "db/views.hpp"

namespace pg_exclusive::cli {

enum class sort_by { name, time, waiters };

struct watch_settings {
  sort_by order = sort_by::name;
  bool reverse = false;
  std::string filter;  ///< shown are rows that contain it somewhere
};

enum class line_kind { holder, contended_holder, waiter };

/// Lock, mode, time, pid, role, application.
using watch_cells = std::array<std::string, 6>;

struct watch_row {
  line_kind kind;
  watch_cells cells;
};

/// Names of the columns.
[[nodiscard]] watch_cells watch_header();

/// A row for each holder, longest held or most waited for first if so sorted,
/// each followed by those who wait for its lock, in the order of the queue.
[[nodiscard]] std::vector<watch_row> watch_rows(const lock_snapshot &locks,
                                                const watch_settings &settings);

/// Columns for a screen: as wide as what is in them, as far as there is room.
class watch_layout {
 public:
  watch_layout(const std::vector<watch_row> &rows, int width);
  [[nodiscard]] std::string line(const watch_cells &cells) const;

 private:
  std::vector<int> widths_;
};

/// `3 held, 2 waiting`
[[nodiscard]] std::string watch_summary(const lock_snapshot &locks);

}  // namespace pg_exclusive::cli
