// Ends every process below this one, and returns when none is left.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "process/boot_clock.hpp"
#include "process/process_tree.hpp"

namespace pg_exclusive::cli {

struct end_tree_plan {
  /// From when KILL is sent instead of TERM. Asked again on every round.
  std::function<boot_time()> kill_at;
  /// A process that is ended by its pid, if it is a child of this process,
  /// while /proc cannot be read. 0: none.
  pid_t child = 0;
  /// Children that existed before the tool, and are not to be ended.
  std::vector<process_id> except = {};
};

/// Sends TERM once to each process below, then KILL until the kernel reports
/// that no child is left (ECHILD). It does not return before. When a process
/// belongs to another user and may not be signalled, or when /proc cannot be
/// read, it says so on stderr and tries again.
///
/// The caller must be a subreaper that has SIGCHLD blocked.
void end_tree(const end_tree_plan &plan);

}  // namespace pg_exclusive::cli
