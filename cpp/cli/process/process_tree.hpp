// The living processes below this one.
//
// A subreaper inherits the processes that its children leave behind. So
// everything that the command started is below this process, also after it has
// changed its group or session or has forked twice.
#pragma once

#include <sys/types.h>

#include <tuple>
#include <vector>

namespace pg_exclusive::cli {

/// A process, told apart from a later one with the same pid.
struct process_id {
  pid_t pid;
  unsigned long long start_time;  ///< in clock ticks since boot

  bool operator==(const process_id &) const = default;
  bool operator<(const process_id &other) const {
    return std::tie(pid, start_time) < std::tie(other.pid, other.start_time);
  }
};

/// All descendants of this process, without those below `except`. Zombies are
/// among them, because the first thread of a living process may be one. This is
/// a snapshot. The next call finds processes that were forked during this one.
/// @throws std::system_error when /proc cannot be read, or does not show this
/// process. An empty result always means that there is none.
[[nodiscard]] std::vector<process_id> descendants(
    const std::vector<process_id> &except = {});

/// Is the process stopped by a signal? True as well when /proc cannot be read.
[[nodiscard]] bool is_stopped(pid_t pid) noexcept;

enum class sent { yes, gone, forbidden };

/// Sends a signal to exactly this process. Where the kernel refuses a pidfd,
/// it compares the start time and uses kill().
/// @throws std::system_error when /proc cannot be read.
sent send_signal(const process_id &process, int number);

}  // namespace pg_exclusive::cli
