/// @file
/// The standard's named requirements for mutexes, as concepts.
#pragma once

#include <chrono>
#include <concepts>

namespace pg_exclusive::detail {

template <class T>
concept timed_lockable = requires(T &m, std::chrono::milliseconds wait,
                                  std::chrono::steady_clock::time_point until) {
  { m.lock() } -> std::same_as<void>;
  { m.try_lock() } -> std::same_as<bool>;
  { m.try_lock_for(wait) } -> std::same_as<bool>;
  { m.try_lock_until(until) } -> std::same_as<bool>;
  { m.unlock() }
  noexcept->std::same_as<void>;
};

template <class T>
concept shared_timed_lockable =
    requires(T &m, std::chrono::milliseconds wait,
             std::chrono::steady_clock::time_point until) {
  { m.lock_shared() } -> std::same_as<void>;
  { m.try_lock_shared() } -> std::same_as<bool>;
  { m.try_lock_shared_for(wait) } -> std::same_as<bool>;
  { m.try_lock_shared_until(until) } -> std::same_as<bool>;
  { m.unlock_shared() }
  noexcept->std::same_as<void>;
};

/// The longest wait, a year.
constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(24 * 365);

/// A duration in the milliseconds of the server, rounded up: a wait may be a
/// little longer than asked for, never shorter.  The comparison is in floating
/// point, because the largest number of hours does not fit into another unit.
template <class Rep, class Period>
constexpr std::chrono::milliseconds to_wait(
    const std::chrono::duration<Rep, Period> &wait) {
  using std::chrono::milliseconds;
  using seconds = std::chrono::duration<double>;
  if (seconds(wait) >= seconds(longest_wait)) return longest_wait;
  if (!(wait > wait.zero())) return milliseconds::zero();
  return std::chrono::ceil<milliseconds>(wait);
}

/// The wait until a moment, which may be the first or the last of its clock.
template <class Clock, class Duration>
std::chrono::milliseconds to_wait_until(
    const std::chrono::time_point<Clock, Duration> &deadline) {
  using seconds = std::chrono::duration<double>;
  const auto now = Clock::now();
  const seconds about =
      seconds(deadline.time_since_epoch()) - seconds(now.time_since_epoch());
  if (about >= seconds(longest_wait)) return longest_wait;
  if (about < seconds(-1)) return std::chrono::milliseconds::zero();
  return to_wait(deadline - now);
}

}  // namespace pg_exclusive::detail
