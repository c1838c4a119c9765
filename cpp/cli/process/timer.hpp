// A timer that poll() can wait for, on the clock of leases.
#pragma once

#include "base/unique_fd.hpp"
#include "process/boot_clock.hpp"

namespace pg_exclusive::cli {

class timer {
 public:
  timer();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Makes it readable at that time. `never` switches it off. A time in the
  /// past makes it readable at once.
  void arm(boot_time at) const noexcept;
  /// Not readable any more, until the next arm().
  void acknowledge() const noexcept;

 private:
  unique_fd fd_;
};

}  // namespace pg_exclusive::cli
