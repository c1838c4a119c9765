/// @file
/// Transactions on connections of a client, behind `transaction.hpp`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/detail/pqxx_compat.hpp"
#include "pg_exclusive/detail/transaction_connection.hpp"
#include "pg_exclusive/detail/transaction_lock.hpp"

namespace pg_exclusive {
namespace detail {
inline namespace PG_EXCLUSIVE_PQXX {

/// A transaction on a connection of its own, its lock taken or not.
class client_transaction {
 public:
  /// Begins it and takes the lock with `take(tx, schema)`.
  template <class Take>
  client_transaction(const client &locks, transaction_connection::source from,
                     const lock_name &name, Take &take)
      : link_(locks, from) {
    link_.limit();
    try {
      connection_.emplace(link_.get());
      tx_ = std::make_unique<pqxx::work>(connection_->get());
      if (take_in_known_schema(locks, take)) {
        link_.lift_limit();
        return;
      }
      const bool without =
          locks.options().without_extension == missing_extension_policy::allow;
      auto schema =
          as_lock_error(*tx_, name, [&] { return look_up_schema(*tx_); });
      if (!schema && !without) throw missing_extension(name);
      taken_ = take(*tx_, schema);
    } catch (const pqxx::broken_connection &) {
      died_idle_ = link_.was_idle();
      if (!died_idle_) throw;
      return;
    }
    link_.lift_limit();
  }
  client_transaction(const client_transaction &) = delete;
  client_transaction &operator=(const client_transaction &) = delete;
  ~client_transaction() {
    if (tx_) link_.limit();
    tx_.reset();
  }

  /// The connection had died while it was idle, and nothing was run on it.
  [[nodiscard]] bool died_idle() const { return died_idle_; }

  /// Runs `f` if the lock was taken, and commits.
  template <class F>
  result<work_result<F>> run(F &&f) {
    using R = work_result<F>;
    if (!taken_) {
      end();
      return result<R>(taken_.outcome(), taken_.refused_by());
    }
    auto done = keep_result<R>(
        [&]() -> R { return call_work(std::forward<F>(f), *tx_); });
    link_.check_process();
    link_.limit();
    tx_->commit();
    end();
    return done;
  }

 private:
  /// Saves the look-up of the schema, which a lock session has done.  Returns
  /// false when there is none, or when the extension is no longer there.
  template <class Take>
  bool take_in_known_schema(const client &locks, Take &take) {
    const auto known = client_access::extension_schema(locks);
    if (!known) return false;
    try {
      taken_ = take(*tx_, known);
      return true;
    } catch (const lock_error &error) {
      if (error.sqlstate() != "3F000" && error.sqlstate() != "42883") throw;
    }
    tx_.reset();
    tx_ = std::make_unique<pqxx::work>(connection_->get());
    return false;
  }

  void end() {
    link_.limit();
    tx_.reset();
    connection_.reset();
    link_.give_back();
  }

  transaction_connection link_;
  std::optional<adopted_connection> connection_;
  std::unique_ptr<pqxx::work> tx_;
  result<void> taken_{outcome::busy};
  bool died_idle_ = false;
};

/// Runs `f(tx)` in a transaction on a connection of the client's.  An idle
/// connection may have died meanwhile: as long as nothing was run on it, a new
/// one takes its place.
template <class Take, class F>
result<work_result<F>> with_transaction(const client &locks, Take take,
                                        const lock_name &name, F &&f) {
  using source = transaction_connection;
  std::optional<client_transaction> begun;
  begun.emplace(locks, source::idle_or_new, name, take);
  if (begun->died_idle()) begun.emplace(locks, source::only_new, name, take);
  return begun->run(std::forward<F>(f));
}

}  // namespace PG_EXCLUSIVE_PQXX
}  // namespace detail
}  // namespace pg_exclusive
