#include "watch_list.hpp"

#include <algorithm>
#include <map>

#include "text_table.hpp"
#include "times.hpp"

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

/// Columns of fixed width; what is left over is shared by the two texts.
std::string columns(const std::string &lock, const std::string &mode,
                    const std::string &time, const std::string &pid,
                    const std::string &who, const std::string &application,
                    int width) {
  constexpr int fixed = 2 + 10 + 12 + 8;  // gap, mode, time, pid
  const int left = std::max(width - fixed - 2, 24);
  const int lock_width = left * 9 / 20;
  const int who_width = (left - lock_width) * 3 / 5;
  const int application_width = left - lock_width - who_width;
  return fitted(lock, lock_width) + "  " + fitted(mode, 10) + fitted(time, 12) +
         fitted(pid, 8) + fitted(who, who_width) + "  " +
         fitted(application, application_width);
}

watch_line line_for(const lock_row &row, int width) {
  const auto time = format_duration(std::chrono::seconds{row.seconds});
  if (row.waiting) {
    return {line_kind::waiter,
            columns("  waits, place " + std::to_string(row.number), row.mode,
                    time, row.pid, row.who, row.application, width)};
  }
  return {row.number > 0 ? line_kind::contended_holder : line_kind::holder,
          columns(row.lock, row.mode, time, row.pid, row.who, row.application,
                  width)};
}

}  // namespace

std::string watch_header(int width) {
  return columns("LOCK", "MODE", "TIME", "PID", "ROLE", "APPLICATION", width);
}

std::vector<watch_line> watch_lines(const lock_snapshot &locks,
                                    const watch_settings &settings, int width) {
  auto groups = grouped(locks, settings.filter);
  sort_groups(groups, settings);
  std::vector<watch_line> result;
  for (const group &g : groups) {
    if (g.rows.front()->waiting) {
      // Granted or gone between the two looks: the name must not be missing.
      result.push_back({line_kind::holder, fitted(g.lock, width)});
    }
    for (const lock_row *row : g.rows) {
      result.push_back(line_for(*row, width));
    }
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
