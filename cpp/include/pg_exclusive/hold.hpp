/// @file
/// A lock that is held.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/export.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"

namespace pg_exclusive {

namespace detail {
class grant;
struct hold_access;
class run_record;
}  // namespace detail

/// Owns one grant of one lock, and knows whether it still has it.
///
/// Move-only, like `std::unique_lock`; the destructor releases and never
/// throws.
///
/// **Thread safety.** `held()`, `check()`, `lost()`, `loss()` and the plain
/// readers may be called from any thread at any time.  `unlock()`, moving and
/// destroying need the usual exclusive access.
///
/// **When the connection dies**, the lock is lost: `held()` is false from then
/// on for ever, `check()` and `unlock()` throw `lock_lost`, and `lost()`
/// fires.  A terminated backend or a stopped server is noticed at once when the
/// end of the connection arrives here.  A dead link or a frozen process is
/// noticed at `deadline()`, which comes before the end of a lease lets the
/// server give the lock to another client.  Where the server frees the lock
/// itself (terminated backend, crash, failover), another client may have it
/// before we know: usually for milliseconds, and for up to 29/30 of the lease
/// when the end of the connection never arrives.  So pass `token()` along with
/// what you write, and check it at the resource.  Between a `check()` and its
/// effect only the token protects.
///
/// @snippet examples/hold.cpp hold
class PG_EXCLUSIVE_EXPORT hold {
 public:
  /// Takes over; `other` holds nothing afterwards.
  hold(hold &&other) noexcept;
  /// Releases what it had and takes over; `other` holds nothing afterwards.
  hold &operator=(hold &&other) noexcept;
  hold(const hold &) = delete;
  hold &operator=(const hold &) = delete;
  /// Releases the lock, if it is still held; never throws.
  ~hold();

  /// Returns true iff the lock is ours as far as can be known here: see above
  /// for what the server frees by itself.  No input or output: it
  /// compares a clock with a deadline, so the first call after a freeze is
  /// already right.  False once released or moved from.
  [[nodiscard]] bool held() const noexcept;

  /// Returns when `held()`.
  /// @throws lock_lost when it is not; lock_error 55000 when it was released.
  void check() const;

  /// Asks for a stop when the lock is lost; not when it is released.  This is a
  /// notification: after a freeze, code may run for milliseconds before it
  /// fires.  Callbacks run on a thread of the library and may block.
  [[nodiscard]] std::stop_token lost() const;

  /// How it was lost; nothing while it is held and after a proper release.
  [[nodiscard]] std::optional<loss_info> loss() const;

  /// The fencing token: larger than that of every earlier grant of this lock,
  /// over crashes and failovers.  None without the extension.
  [[nodiscard]] std::optional<std::int64_t> token() const noexcept;

  /// What is locked.  Not after a move.
  [[nodiscard]] const lock_name &name() const noexcept;
  /// How it is locked.  Not after a move.
  [[nodiscard]] lock_mode mode() const noexcept;
  /// The backend that holds the lock, as in `lock_holders`.
  [[nodiscard]] int backend_pid() const noexcept;

  /// Until when the lock is ours if nothing more is heard from the server; it
  /// moves on with each heartbeat.  `boot_clock::time_point::min()` when not
  /// held.
  [[nodiscard]] boot_clock::time_point deadline() const noexcept;

  /// The socket of the session that holds the lock; -1 when not held.  For
  /// `poll()` or `dup()` only: the server keeps the lock until the last copy of
  /// the socket is closed or shut down.  Never read, write or close it.
  [[nodiscard]] int native_handle() const noexcept;

  /// Records that a run of `slot` begins, on every node's behalf, for work
  /// outside the database.  Returns false iff the slot has had its run, or
  /// began one that counts as such (`on_crash::skip`).
  /// @throws lock_error 0A000 without the extension, 55000 for a shared hold;
  /// lock_lost.
  [[nodiscard("false says that this slot has had its run")]] bool begin_run(
      std::string_view slot, const once_options &options = {});

  /// Records how the run ended; after a failure the slot may be run again.
  /// @throws lock_error, lock_lost: then the run counts as crashed.
  void finish_run(std::string_view slot, bool succeeded);

  /// Gives the lock back.  Nothing is held afterwards, whatever happens.
  /// @throws lock_lost when it was lost before: what ran under it may have run
  /// beside another holder.  lock_error 55000 when it was released before.
  void unlock();

 private:
  friend struct detail::hold_access;
  friend class detail::run_record;
  explicit hold(std::shared_ptr<detail::grant> grant) noexcept;
  [[nodiscard]] detail::grant &leave();
  // Records how a run ended and unlocks, in one round trip.  Throws what
  // finish_run() and unlock() throw.
  void end_run(std::string_view slot, bool succeeded);

  std::shared_ptr<detail::grant> grant_;
};

}  // namespace pg_exclusive
