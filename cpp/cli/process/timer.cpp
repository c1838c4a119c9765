#include "process/timer.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cstdint>

#include "base/timespec.hpp"

namespace pg_exclusive::cli {

timer::timer()
    : fd_{check_errno(
          timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
          "could not create a timer")} {}

void timer::arm(boot_time at) const noexcept {
  itimerspec when{};
  if (at != never) {
    // Zero would switch it off.
    when.it_value = to_timespec(std::max<std::chrono::nanoseconds>(
        at.time_since_epoch(), std::chrono::nanoseconds{1}));
  }
  timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void timer::acknowledge() const noexcept {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto got =
      read(fd_.get(), &expirations, sizeof expirations);
}

}  // namespace pg_exclusive::cli
