// What the live view shows, apart from any screen.
#pragma once

#include <string>
#include <vector>

#include "views.hpp"

namespace pg_exclusive::cli {

enum class sort_by { name, time, waiters };

struct watch_settings {
  sort_by order = sort_by::name;
  bool reverse = false;
  std::string filter;  ///< shown are rows that contain it somewhere
};

enum class line_kind { holder, contended_holder, waiter };

struct watch_line {
  line_kind kind;
  std::string text;
};

/// Names of the columns, fitted to the width.
[[nodiscard]] std::string watch_header(int width);

/// A line for each holder, longest held or most waited for first if so sorted,
/// each followed by those who wait for its lock, in the order of the queue.
[[nodiscard]] std::vector<watch_line> watch_lines(
    const lock_snapshot &locks, const watch_settings &settings, int width);

/// `3 held, 2 waiting`
[[nodiscard]] std::string watch_summary(const lock_snapshot &locks);

}  // namespace pg_exclusive::cli
