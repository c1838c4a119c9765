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
  /// Children that were there before us and are not ours to end.
  std::vector<process_id> except = {};
};

/// Sends TERM once to each process below, then KILL until the kernel says
/// that no child is left (ECHILD). As long as one lives this does not return:
/// also when a process may not be signalled, because it has become another
/// user's; that is told on stderr.
///
/// The caller must be a subreaper that has SIGCHLD blocked.
void end_tree(const end_tree_plan &plan);

}  // namespace pg_exclusive::cli
