#include "commands/watch_list.hpp"

#include <algorithm>
#include <map>

#include "base/format_duration.hpp"
#include "base/text_table.hpp"

namespace pg_exclusive::cli {

namespace {

/// A lock with all who hold it and wait for it.
struct group {
  std::string lock;
  std::vector<const lock_row *> rows;  ///< holders first, then the queue
  long long longest = 0;               ///< seconds it has been held
  int waiters = 0;
};

bool contains(const lock_row &row, const std::string &text) {
  const std::string all = row.lock + " " + row.mode + " " + row.who + " " +
                          row.pid + " " + row.application + " " + row.token;
  return all.find(text) != std::string::npos;
}

std::vector<group> grouped(const lock_snapshot &locks,
                           const std::string &filter) {
  std::map<std::string, group> by_lock;
  for (const lock_row &row : locks.rows) {
    group &g = by_lock[row.lock];
    g.lock = row.lock;
    g.rows.push_back(&row);
    g.longest = row.waiting ? g.longest : std::max(g.longest, row.seconds);
    g.waiters += row.waiting ? 1 : 0;
  }
  std::vector<group> result;
  for (auto &[lock, g] : by_lock) {
    // Who is looked for is shown with those he waits for.
    if (std::any_of(g.rows.begin(), g.rows.end(), [&](const lock_row *row) {
          return contains(*row, filter);
        })) {
      result.push_back(std::move(g));
    }
  }
  return result;
}

void sort_groups(std::vector<group> &groups, const watch_settings &settings) {
  const auto before = [&](const group &a, const group &b) {
    switch (settings.order) {
      case sort_by::time:
        return a.longest > b.longest;
      case sort_by::waiters:
        return a.waiters > b.waiters;
      default:
        return a.lock < b.lock;
    }
  };
  std::stable_sort(groups.begin(), groups.end(), before);
  if (settings.reverse) {
    std::reverse(groups.begin(), groups.end());
  }
}

watch_row row_for(const lock_row &row) {
  const auto kind = row.waiting      ? line_kind::waiter
                    : row.number > 0 ? line_kind::contended_holder
                                     : line_kind::holder;
  return {
      kind,
      {row.waiting ? "  waits, place " + std::to_string(row.number) : row.lock,
       row.mode, format_duration(std::chrono::seconds{row.seconds}), row.pid,
       row.who, row.application}};
}

enum column : std::size_t {
  lock_column = 0,
  who_column = 4,
  application_column
};

}  // namespace

watch_cells watch_header() {
  return {"LOCK", "MODE", "TIME", "PID", "ROLE", "APPLICATION"};
}

std::vector<watch_row> watch_rows(const lock_snapshot &locks,
                                  const watch_settings &settings) {
  auto groups = grouped(locks, settings.filter);
  sort_groups(groups, settings);
  std::vector<watch_row> result;
  for (const group &g : groups) {
    if (g.rows.front()->waiting) {
      // Granted or gone between the two looks: the name must not be missing.
      result.push_back({line_kind::holder, {g.lock}});
    }
    for (const lock_row *row : g.rows) {
      result.push_back(row_for(*row));
    }
  }
  return result;
}

watch_layout::watch_layout(const std::vector<watch_row> &rows, int width)
    : widths_(watch_header().size()) {
  const auto widen = [this](const watch_cells &cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths_[i] = std::max(widths_[i], display_width(cells[i]));
    }
  };
  widen(watch_header());
  for (const watch_row &row : rows) {
    widen(row.cells);
  }
  fit_columns(widths_, width, {lock_column, who_column, application_column},
              12);
}

std::string watch_layout::line(const watch_cells &cells) const {
  std::string result;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    result += (i > 0 ? "  " : "") + fitted(cells[i], widths_[i]);
  }
  return result;
}

std::string watch_summary(const lock_snapshot &locks) {
  const auto waiting =
      std::count_if(locks.rows.begin(), locks.rows.end(),
                    [](const lock_row &row) { return row.waiting; });
  return std::to_string(locks.rows.size() - waiting) + " held, " +
         std::to_string(waiting) + " waiting";
}

}  // namespace pg_exclusive::cli
