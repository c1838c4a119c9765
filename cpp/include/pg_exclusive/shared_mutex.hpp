/// @file
/// A named lock as a standard shared mutex.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/detail/lockable.hpp"

namespace pg_exclusive {

/// Many readers or one writer, over all processes on all nodes.
///
/// Satisfies the standard's *SharedTimedLockable* (and *TimedLockable*):
/// `std::shared_lock` and `std::unique_lock` are ours.  Readers of one client
/// share one grant of the server; after a second of it, or when a writer of
/// this process waits, new readers queue up, so that writers of other processes
/// get their turn.
///
/// **Thread safety.** As a standard shared mutex: all threads may call it, the
/// thread that locked it unlocks it.  Locking it again in any mode by a thread
/// that has it throws `std::system_error(resource_deadlock_would_occur)`: there
/// is no upgrade, because two readers that upgrade wait for each other for
/// ever.
///
/// **When the connection dies**, the lock is lost while the guards still stand:
/// look at `held()`.  `unlock()` and `unlock_shared()` never throw.
///
/// @snippet examples/shared_mutex.cpp shared_mutex
class PG_EXCLUSIVE_EXPORT shared_mutex {
 public:
  /// Nothing is asked of the server yet.
  shared_mutex(client locks, lock_name name);
  shared_mutex(const shared_mutex &) = delete;
  shared_mutex &operator=(const shared_mutex &) = delete;
  /// Gives back what is locked (a standard mutex must not be destroyed then).
  ~shared_mutex();

  /// Waits to be the only one, without limit.
  /// @throws lock_error when it cannot be had; std::system_error when the
  /// caller has it, in any mode.
  void lock();
  /// Returns true iff it was free and is ours now.
  [[nodiscard("false says that the lock was not taken")]] bool try_lock();
  /// Waits for up to `wait`.  Returns true iff it is ours now.
  template <class Rep, class Period>
  [[nodiscard("false says that the lock was not taken")]] bool try_lock_for(
      const std::chrono::duration<Rep, Period> &wait) {
    return take(lock_mode::exclusive, detail::to_wait(wait));
  }
  /// Waits until `deadline`.  Returns true iff it is ours now.
  template <class Clock, class Duration>
  [[nodiscard("false says that the lock was not taken")]] bool try_lock_until(
      const std::chrono::time_point<Clock, Duration> &deadline) {
    return try_lock_for(detail::to_wait_until(deadline));
  }
  /// Gives it back.  Never throws.
  void unlock() noexcept;

  /// Waits to be one of the readers, without limit; throws as `lock()`.
  void lock_shared();
  /// Returns true iff no writer has it and none waits, and it is ours now.
  [[nodiscard("false says that the lock was not taken")]] bool
  try_lock_shared();
  /// Waits for up to `wait`.  Returns true iff it is ours now.
  template <class Rep, class Period>
  [[nodiscard("false says that the lock was not taken")]] bool
  try_lock_shared_for(const std::chrono::duration<Rep, Period> &wait) {
    return take(lock_mode::shared, detail::to_wait(wait));
  }
  /// Waits until `deadline`.  Returns true iff it is ours now.
  template <class Clock, class Duration>
  [[nodiscard("false says that the lock was not taken")]] bool
  try_lock_shared_until(
      const std::chrono::time_point<Clock, Duration> &deadline) {
    return try_lock_shared_for(detail::to_wait_until(deadline));
  }
  /// Gives it back.  Never throws.
  void unlock_shared() noexcept;

  /// Returns true iff the calling thread has it, in any mode, and it is
  /// certainly still ours (see `hold::held()`).
  [[nodiscard]] bool held() const noexcept;
  /// @throws lock_lost when the calling thread's hold was lost; lock_error
  /// 55000 when it has none.
  void check() const;
  /// Of the calling thread's hold; see `hold::lost()`.
  [[nodiscard]] std::stop_token lost() const;
  /// Of the calling thread's hold; see `hold::loss()`.
  [[nodiscard]] std::optional<loss_info> loss() const;
  /// Of the calling thread's hold; see `hold::token()`.
  [[nodiscard]] std::optional<std::int64_t> token() const noexcept;

  /// What it locks.
  [[nodiscard]] const lock_name &name() const noexcept { return name_; }

 private:
  bool take(lock_mode mode, std::optional<std::chrono::milliseconds> wait);
  void give_back() noexcept;
  [[nodiscard]] const hold *mine() const noexcept;

  client client_;
  lock_name name_;
  mutable std::mutex access_;
  std::map<std::thread::id, hold> holds_;  // under access_
};

static_assert(detail::timed_lockable<shared_mutex>);
static_assert(detail::shared_timed_lockable<shared_mutex>);

}  // namespace pg_exclusive
