/// @file
/// A named lock as a standard mutex.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <thread>

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/detail/lockable.hpp"

namespace pg_exclusive {

/// One thread of all threads of all processes on all nodes has it.
///
/// Satisfies the standard's *TimedLockable*: `std::unique_lock`,
/// `std::lock_guard`, `std::scoped_lock` over several and `std::lock` are ours.
///
/// **Thread safety.** As a standard mutex: all threads may call it, the thread
/// that locked it unlocks it.  Two mutexes of the same name exclude each other.
/// Locking it again from its owner throws
/// `std::system_error(resource_deadlock_would_occur)`, where a standard mutex
/// would hang.
///
/// **When the connection dies**, the lock is lost while the guard still stands:
/// look at `held()` before each effect, or at `lost()`; pass `token()` along.
/// `unlock()` never throws, and after a loss does nothing.
///
/// @snippet examples/mutex.cpp mutex
class PG_EXCLUSIVE_EXPORT mutex {
 public:
  /// Nothing is asked of the server yet.
  mutex(client locks, lock_name name);
  mutex(const mutex &) = delete;
  mutex &operator=(const mutex &) = delete;
  /// Unlocks, if it is locked (a standard mutex must not be destroyed then).
  ~mutex();

  /// Waits for it, without limit.
  /// @throws lock_error when it cannot be had; std::system_error when the
  /// caller has it.
  void lock();

  /// Returns true iff it was free and is ours now.
  /// @throws lock_error, std::system_error as `lock()`.
  [[nodiscard("false says that the lock was not taken")]] bool try_lock();

  /// Waits for up to `wait`.  Returns true iff it is ours now.
  /// @throws lock_error, std::system_error as `lock()`.
  template <class Rep, class Period>
  [[nodiscard("false says that the lock was not taken")]] bool try_lock_for(
      const std::chrono::duration<Rep, Period> &wait) {
    return take({.wait = detail::to_wait(wait)});
  }

  /// Waits until `deadline`.  Returns true iff it is ours now.
  /// @throws lock_error, std::system_error as `lock()`.
  template <class Clock, class Duration>
  [[nodiscard("false says that the lock was not taken")]] bool try_lock_until(
      const std::chrono::time_point<Clock, Duration> &deadline) {
    return try_lock_for(detail::to_wait_until(deadline));
  }

  /// Waits until a stop is requested.  Returns true iff it is ours now.
  /// @throws lock_error, std::system_error as `lock()`.
  [[nodiscard("false says that the lock was not taken")]] bool lock(
      std::stop_token stop) {
    return take({.stop = std::move(stop)});
  }

  /// Gives it back.  Never throws: what there is to know of a loss, `held()`
  /// and `loss()` told before.
  void unlock() noexcept;

  /// Returns true iff it is locked and certainly still ours (see
  /// `hold::held()`).  For the owner, like the rest below.
  [[nodiscard]] bool held() const noexcept;
  /// @throws lock_lost when it was lost; lock_error 55000 when it is not
  /// locked.
  void check() const;
  /// See `hold::lost()`; a token without a state when it is not locked.
  [[nodiscard]] std::stop_token lost() const;
  /// See `hold::loss()`.
  [[nodiscard]] std::optional<loss_info> loss() const;
  /// See `hold::token()`.
  [[nodiscard]] std::optional<std::int64_t> token() const noexcept;

  /// What it locks.
  [[nodiscard]] const lock_name &name() const noexcept { return name_; }

 private:
  bool take(const lock_options &options);

  client client_;
  lock_name name_;
  std::atomic<std::thread::id> owner_{};
  std::optional<hold> hold_;  // the owner's
};

static_assert(detail::timed_lockable<mutex>);

}  // namespace pg_exclusive
