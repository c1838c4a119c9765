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

/// A duration in the milliseconds of the server, rounded up: a wait may be a
/// little longer than asked for, never shorter.
template <class Rep, class Period>
constexpr std::chrono::milliseconds to_wait(
    const std::chrono::duration<Rep, Period> &wait) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest = std::chrono::hours(24 * 365);
  if (wait > longest) return longest;
  if (wait <= wait.zero()) return milliseconds::zero();
  return std::chrono::ceil<milliseconds>(wait);
}

}  // namespace pg_exclusive::detail
