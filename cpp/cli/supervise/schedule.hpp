// The order of events before a lease ends, and how signals are passed on.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "base/unique_fd.hpp"
#include "process/boot_clock.hpp"
#include "process/shared_state.hpp"

namespace pg_exclusive::cli {

/// What becomes of processes that the command leaves behind when it ends by
/// itself. The lock is kept as long as one lives.
enum class leftovers {
  wait,  ///< wait until they end
  end,   ///< end them: TERM, and KILL after the grace
};

/// The order before a deadline, when heartbeats stay unanswered:
///
///     terminate_at   the guard sends TERM, `grace` + `margin` before it
///     take_over_at   half a margin later: the front, if the guard did not
///     kill_at        `margin` before it: KILL
///     last_kill_at   half a margin later: KILL by the front, or by init
///     deadline       the server may grant the lock to another session
struct schedule {
  std::chrono::nanoseconds lease;
  std::chrono::nanoseconds grace;
  leftovers on_leftovers = leftovers::wait;
  bool isolate = false;  ///< the command runs in a PID namespace
  bool yield = false;    ///< end the command when the lock is asked for

  [[nodiscard]] std::chrono::nanoseconds margin() const { return lease / 15; }

  /// The shortest lease with room for all of it: a heartbeat takes a third,
  /// may fail once, and a late front ends the command from the start.
  static constexpr std::chrono::nanoseconds shortest_lease(
      std::chrono::nanoseconds grace) {
    return grace * 10 / 3;
  }

  [[nodiscard]] boot_time terminate_at(boot_time deadline) const {
    return before(deadline, grace + margin());
  }
  [[nodiscard]] boot_time take_over_at(boot_time deadline) const {
    return before(deadline, grace + margin() / 2);
  }
  [[nodiscard]] boot_time kill_at(boot_time deadline) const {
    return before(deadline, margin());
  }
  [[nodiscard]] boot_time last_kill_at(boot_time deadline) const {
    return before(deadline, margin() / 2);
  }

 private:
  /// `never` stays what it is. A deadline of a lock that is not held any more,
  /// boot_time::min(), becomes the first moment after the machine was started.
  static boot_time before(boot_time deadline, std::chrono::nanoseconds time) {
    constexpr boot_time start{std::chrono::nanoseconds{1}};
    if (deadline == never) {
      return never;
    }
    return deadline <= start + time ? start : deadline - time;
  }
};

/// Passes signals on to the command. Each arrives once, also when both
/// processes were sent it.
class signal_forwarder {
 public:
  explicit signal_forwarder(shared_state &state) : state_{state} {}
  void forward(const unique_fd &command, int number) noexcept;

 private:
  shared_state &state_;
};

}  // namespace pg_exclusive::cli
