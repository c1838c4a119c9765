/// @file
/// The errors of the library.  A lock that is taken is not one of them.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "pg_exclusive/export.hpp"
#include "pg_exclusive/lock_name.hpp"

namespace pg_exclusive {

/// What went wrong, with the SQLSTATE that says it to programs.
///
/// The server's own errors keep their codes (42704 the namespace is not
/// registered, 42501 no privilege, 53400 over a quota, 25006 a standby, 55000
/// paused, 40P01 a deadlock, …).  The library's own: 08001 cannot connect,
/// 08003 the client is closed, 08006 the connection broke, 08P01 a pooler is in
/// between, 0A000 not there without the extension.
///
/// Thread safety: copies share their text; reading is safe from any thread.
class PG_EXCLUSIVE_EXPORT lock_error : public std::runtime_error {
 public:
  /// An error about the lock `name`, or about none.
  lock_error(const std::string &message, std::string sqlstate,
             std::optional<lock_name> name = {}, std::string hint = {});
  lock_error(const lock_error &) noexcept;             ///< shares the text
  lock_error &operator=(const lock_error &) noexcept;  ///< shares the text
  ~lock_error() override;

  /// Five characters, as the SQL standard and PostgreSQL define them.
  [[nodiscard]] const std::string &sqlstate() const noexcept;
  /// The lock it is about, if any.
  [[nodiscard]] const std::optional<lock_name> &name() const noexcept;
  /// What to do about it; may be empty.
  [[nodiscard]] const std::string &hint() const noexcept;
  /// True iff the connection is the trouble, so that a later try may work.
  [[nodiscard]] bool is_connection_error() const noexcept;

 private:
  struct facts;
  std::shared_ptr<const facts> facts_;
};

/// How a hold was lost.
enum class loss_reason {
  connection_closed,  ///< backend terminated, server stopped or crashed
  lease_expired,      ///< no heartbeat was confirmed in time; the machine slept
  lock_gone,        ///< the session lives, the lock does not: DISCARD ALL, …
  backend_changed,  ///< another backend answered: a pooler, a reconnect
  extension_appeared,  ///< taken without the extension, which is there now
  client_closed        ///< `client::close()`
};

/// A word for it: `connection closed`, `lease expired`, …
[[nodiscard]] PG_EXCLUSIVE_EXPORT const char *to_string(
    loss_reason reason) noexcept;

/// All that is known of a loss.  Wall clock times are for people.
struct loss_info {
  /// how it was lost
  loss_reason reason = loss_reason::connection_closed;
  std::string detail;  ///< the server's or the system's words; may be empty
  /// when this client noticed it
  std::chrono::system_clock::time_point when;
  /// from when on another node may have had the lock: the last moment that was
  /// confirmed, when the server may have freed it at once, else the end of the
  /// lease on the server
  std::chrono::system_clock::time_point others_may_run_since;
};

/// The lock is no longer ours: stop what you do under it.  SQLSTATE 57P05 when
/// the lease ran out, 55000 when the session no longer has it, else 08006.
class PG_EXCLUSIVE_EXPORT lock_lost : public lock_error {
 public:
  /// The hold on `name` was lost.
  lock_lost(const lock_name &name, loss_info info);
  lock_lost(const lock_lost &) noexcept;             ///< shares the text
  lock_lost &operator=(const lock_lost &) noexcept;  ///< shares the text
  ~lock_lost() override;

  /// How it was lost.
  [[nodiscard]] loss_reason reason() const noexcept;
  /// When this client noticed.
  [[nodiscard]] std::chrono::system_clock::time_point when() const noexcept;
  /// From when on another node may have had the lock.
  [[nodiscard]] std::chrono::system_clock::time_point others_may_run_since()
      const noexcept;
  /// The whole record.
  [[nodiscard]] const loss_info &info() const noexcept;

 private:
  std::shared_ptr<const loss_info> info_;
};

}  // namespace pg_exclusive
