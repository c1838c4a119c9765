/// @file
/// Locks inside the user's own libpqxx transactions.
///
/// The lock lives as long as the transaction: it is free when the work is
/// committed and visible, or rolled back, and not a moment earlier or later.
/// No lease, no heartbeat and no loss to watch for: when the connection dies,
/// the work is gone with the lock.  One round trip to a pooler's backend at a
/// time is all it needs, so it is right behind any pooler.
///
/// Header-only, in an inline namespace per major of libpqxx (6.4, 7, 8).
///
/// **Thread safety.** That of the libpqxx objects that go in; the forms on a
/// `client` may be called from any thread, each call has its own connection.
///
/// **When the connection dies**, libpqxx throws (`pqxx::broken_connection`, or
/// `pqxx::in_doubt_error` in the middle of a COMMIT), and nothing is held.
///
/// @snippet examples/transaction.cpp transaction
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/detail/client_access.hpp"
#include "pg_exclusive/detail/client_transaction.hpp"
#include "pg_exclusive/detail/pqxx_compat.hpp"
#include "pg_exclusive/detail/transaction_connection.hpp"
#include "pg_exclusive/detail/transaction_lock.hpp"

namespace pg_exclusive {
inline namespace PG_EXCLUSIVE_PQXX {

/// Takes the lock until the end of `tx`, if it is free.  Returns who has it, if
/// not.  Asking again in the same transaction changes nothing.  Needs the
/// extension.
///
/// Under REPEATABLE READ and SERIALIZABLE the snapshot of the transaction may
/// be older than the lock: then the work of the last holder is not seen.
/// @throws lock_error; `tx` is aborted then, and usable only for a rollback.
inline result<void> try_lock(pqxx::transaction_base &tx, const lock_name &name,
                             const try_options &options = {}) {
  return detail::take(tx, detail::find_schema(tx, name), name, options.mode);
}

/// Refused by the compiler.  A nontransaction commits each statement, so the
/// lock would be free again when this returned.
template <std::derived_from<pqxx::nontransaction> Nontransaction>
result<void> try_lock(Nontransaction & /*tx*/, const lock_name & /*name*/,
                      const try_options & /*options*/ = {}) {
  static_assert(!std::derived_from<Nontransaction, pqxx::nontransaction>,
                "try_lock() needs a pqxx::work; a pqxx::nontransaction commits "
                "each statement, and the lock would be free again at once");
  return result<void>(outcome::busy);
}

/// Runs `f(pqxx::work &)` in a transaction on `connection` under the lock, if
/// it is free, and commits.  Returns what `f` returned, or who has the lock.
/// @throws lock_error 25001 when the transaction is not READ COMMITTED, because
/// its snapshot could be older than the lock; what `f` throws, rolled back.
template <class F>
result<detail::work_result<F>> try_run_in_transaction(
    pqxx::connection &connection, const lock_name &name, F &&f) {
  pqxx::work tx(connection);
  const auto schema = detail::find_schema(tx, name);
  const auto taken = detail::take_for_work(tx, schema, name);
  return detail::work_and_commit(connection, tx, taken, std::forward<F>(f));
}

/// The same, if this slot has not had a successful run yet; the record commits
/// together with the work.
template <class F>
result<detail::work_result<F>> try_run_once_in_transaction(
    pqxx::connection &connection, const lock_name &name, std::string_view slot,
    F &&f) {
  pqxx::work tx(connection);
  const auto schema = detail::find_schema(tx, name);
  const auto taken = detail::take_slot(tx, schema, name, slot);
  return detail::work_and_commit(connection, tx, taken, std::forward<F>(f));
}

}  // namespace PG_EXCLUSIVE_PQXX

namespace detail {
inline namespace PG_EXCLUSIVE_PQXX {

/// Tells `client.hpp` that this header is included.
template <class F>
void transaction_header_is_included(transaction_forms, F *);

/// `client::try_run_in_transaction`.
template <class F>
result<work_result<F>> run_in_transaction(transaction_forms /*tag*/,
                                          const client &locks,
                                          const lock_name &name, F &&f) {
  return with_transaction(
      locks,
      [&](pqxx::work &tx, const std::optional<std::string> &schema) {
        return take_for_work(tx, schema, name);
      },
      name, std::forward<F>(f));
}

/// `client::try_run_once_in_transaction`.
template <class F>
result<work_result<F>> run_once_in_transaction(transaction_forms /*tag*/,
                                               const client &locks,
                                               const lock_name &name,
                                               std::string_view slot, F &&f) {
  return with_transaction(
      locks,
      [&](pqxx::work &tx, const std::optional<std::string> &schema) {
        return take_slot(tx, schema, name, slot);
      },
      name, std::forward<F>(f));
}

}  // namespace PG_EXCLUSIVE_PQXX
}  // namespace detail
}  // namespace pg_exclusive
