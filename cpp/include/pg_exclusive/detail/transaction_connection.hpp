/// @file
/// A connection of a client for one transaction.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/export.hpp"

struct pg_conn;

namespace pg_exclusive::detail {

/// While this lives, a child that is forked has /dev/null in place of the
/// socket, so it neither touches nor keeps what is its parent's.
class PG_EXCLUSIVE_EXPORT callback_guard {
 public:
  explicit callback_guard(int socket);
  callback_guard(const callback_guard &) = delete;
  callback_guard &operator=(const callback_guard &) = delete;
  ~callback_guard();
  /// @throws std::logic_error in a forked child.
  void check_process() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// A connection of the client's, never one of a lock session.  Without
/// `give_back()` it is closed.
class PG_EXCLUSIVE_EXPORT transaction_connection {
 public:
  enum source { idle_or_new, only_new };

  /// Takes one that is idle, or opens one.
  /// @throws lock_error as the constructor of `client`.
  transaction_connection(const client &locks, source from);
  transaction_connection(const transaction_connection &) = delete;
  transaction_connection &operator=(const transaction_connection &) = delete;
  ~transaction_connection();

  [[nodiscard]] pg_conn *get() const noexcept;
  /// Was it used before?  Then it may have died since.
  [[nodiscard]] bool was_idle() const noexcept;

  /// From now on the server has to answer in time, or the connection is shut
  /// down: within the lease, or sooner on one that was idle, which another one
  /// can replace.
  void limit();
  /// From now on it has all the time that the program's statements need.
  void lift_limit();

  /// @throws std::logic_error in a forked child.
  void check_process() const;
  /// Nothing of the transaction is left on it for the next one.
  void give_back();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace pg_exclusive::detail
