/// @file
/// The clock that deadlines of holds are kept on.
#pragma once

#include <chrono>

#include "pg_exclusive/export.hpp"

namespace pg_exclusive {

/// CLOCK_BOOTTIME: it never jumps, and it goes on while the machine sleeps, so
/// a hold is already over when a suspended laptop or a frozen virtual machine
/// wakes up.  Satisfies the standard's *TrivialClock*.
struct PG_EXCLUSIVE_EXPORT boot_clock {
  using duration = std::chrono::nanoseconds;  ///< nanoseconds
  using rep = duration::rep;                  ///< a count of them
  using period = duration::period;            ///< their length
  /// A moment on this clock.
  using time_point = std::chrono::time_point<boot_clock>;
  static constexpr bool is_steady = true;  ///< it never jumps

  /// Time since the machine was started.
  [[nodiscard]] static time_point now() noexcept;
};

/// The same moment on the wall clock, for people; it moves when the wall clock
/// is set.
[[nodiscard]] PG_EXCLUSIVE_EXPORT std::chrono::system_clock::time_point
to_system(boot_clock::time_point moment) noexcept;

}  // namespace pg_exclusive
