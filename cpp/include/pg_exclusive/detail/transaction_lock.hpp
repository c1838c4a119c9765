/// @file
/// The statements behind `transaction.hpp`.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pg_exclusive/detail/client_access.hpp"
#include "pg_exclusive/detail/encoding.hpp"
#include "pg_exclusive/detail/pqxx_compat.hpp"
#include "pg_exclusive/detail/task.hpp"
#include "pg_exclusive/detail/transaction_connection.hpp"

namespace pg_exclusive {
namespace detail {
inline namespace PG_EXCLUSIVE_PQXX {

/// Runs `statement`; the server's errors become `lock_error`.
template <class F>
auto as_lock_error(pqxx::transaction_base &tx, const lock_name &name,
                   F &&statement) {
  try {
    return std::forward<F>(statement)();
  } catch (const pqxx::broken_connection &) {
    throw;
  } catch (const pqxx::sql_error &error) {
    throw server_error(to_utf8(error.what(), tx.conn().get_client_encoding()),
                       sqlstate(error), name);
  }
}

/// The schema of the extension, quoted, or nothing.  All names are qualified,
/// because the search_path is the user's.
inline std::optional<std::string> look_up_schema(pqxx::transaction_base &tx) {
  const pqxx::result found = tx.exec(
      "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e "
      "JOIN pg_catalog.pg_namespace n "
      "ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
      "WHERE e.extname OPERATOR(pg_catalog.=) 'pg_exclusive'");
  if (found.empty()) return std::nullopt;
  return found[0][0].as<std::string>();
}

/// The same; @throws lock_error 0A000 when the extension is not there.
inline std::optional<std::string> find_schema(pqxx::transaction_base &tx,
                                              const lock_name &name) {
  return as_lock_error(tx, name, [&] {
    auto schema = look_up_schema(tx);
    if (!schema) throw missing_extension(name);
    return schema;
  });
}

/// Who has the lock, at the moment of asking.
inline std::optional<holder_info> find_holder(pqxx::transaction_base &tx,
                                              const std::string &schema,
                                              const lock_name &name) {
  const pqxx::result rows =
      exec(tx,
           "SELECT pid, " + hex_column("coalesce(role, '')") + ", " +
               hex_column("coalesce(application_name, '')") +
               ", coalesce(pg_catalog.host(client_addr), ''), "
               "(1000000 OPERATOR(pg_catalog.*) "
               "extract(epoch FROM acquired_at))::bigint "
               "FROM " +
               schema +
               ".lock_holders "
               "WHERE lock_id OPERATOR(pg_catalog.=) $1::bigint "
               "AND pid IS NOT NULL LIMIT 1",
           std::to_string(name.id()));
  if (rows.empty()) return std::nullopt;
  const auto row = rows[0];
  holder_info holder;
  holder.pid = row[0].template as<int>();
  holder.role = from_hex(row[1].template as<std::string>());
  holder.application_name = from_hex(row[2].template as<std::string>());
  holder.client_addr = row[3].template as<std::string>();
  if (!row[4].is_null()) {
    holder.acquired_at = std::chrono::system_clock::time_point(
        std::chrono::microseconds(row[4].template as<std::int64_t>()));
  }
  return holder;
}

/// Refuses a transaction whose snapshot may be older than its lock.
inline void check_isolation(const std::string &level, const lock_name &name) {
  if (level == "read committed" || level == "read uncommitted") return;
  throw lock_error(
      "cannot run under a lock in a transaction that is " + level, "25001",
      name,
      "Its snapshot may be older than the lock: use READ COMMITTED, "
      "or take the lock before the transaction starts.");
}

/// The function that takes a lock until the end of the transaction; without the
/// extension it is a built-in one, on the same id.
inline pqxx::result take_statement(pqxx::transaction_base &tx,
                                   const std::optional<std::string> &schema,
                                   const lock_name &name, lock_mode mode) {
  static const std::string isolation =
      ", pg_catalog.current_setting('transaction_isolation')";
  const bool shared = mode == lock_mode::shared;
  if (schema) {
    return exec(tx,
                "SELECT " + *schema + ".try_xact_lock(" + text_parameter(1) +
                    ", " + text_parameter(2) + ", $3)" + isolation,
                to_hex(name.namespace_), to_hex(name.key),
                shared ? "shared" : "exclusive");
  }
  const std::string function =
      shared ? "pg_try_advisory_xact_lock_shared" : "pg_try_advisory_xact_lock";
  return exec(tx, "SELECT pg_catalog." + function + "($1::bigint)" + isolation,
              std::to_string(name.id()));
}

inline result<void> refused(pqxx::transaction_base &tx,
                            const std::optional<std::string> &schema,
                            const lock_name &name) {
  if (!schema) return result<void>(outcome::busy);
  return result<void>(outcome::busy, find_holder(tx, *schema, name));
}

/// Takes the lock until the end of the transaction.
inline result<void> take(pqxx::transaction_base &tx,
                         const std::optional<std::string> &schema,
                         const lock_name &name, lock_mode mode) {
  name.check();
  return as_lock_error(tx, name, [&] {
    const pqxx::result row = take_statement(tx, schema, name, mode);
    if (row[0][0].as<bool>()) return result<void>(std::in_place);
    return refused(tx, schema, name);
  });
}

/// The same for `try_run_in_transaction`, which is about what the work sees.
inline result<void> take_for_work(pqxx::transaction_base &tx,
                                  const std::optional<std::string> &schema,
                                  const lock_name &name) {
  name.check();
  return as_lock_error(tx, name, [&] {
    const pqxx::result row =
        take_statement(tx, schema, name, lock_mode::exclusive);
    check_isolation(row[0][1].as<std::string>(), name);
    if (row[0][0].as<bool>()) return result<void>(std::in_place);
    return refused(tx, schema, name);
  });
}

/// Takes the lock and the slot until the end of the transaction: the server
/// runs an empty task and records it, in this transaction, as a success.
inline result<void> take_slot(pqxx::transaction_base &tx,
                              const std::optional<std::string> &schema,
                              const lock_name &name, std::string_view slot) {
  name.check();
  check_slot(slot, name);
  if (!schema) throw missing_extension(name);
  return as_lock_error(tx, name, [&] {
    const pqxx::result ran =
        exec(tx,
             "SELECT " + *schema + ".try_run_once(" + text_parameter(1) + ", " +
                 text_parameter(2) + ", " + text_parameter(3) + ", 'SELECT')",
             to_hex(name.namespace_), to_hex(name.key), to_hex(slot));
    if (ran[0][0].as<bool>()) return result<void>(std::in_place);
    auto why = refused(tx, schema, name);
    if (why.refused_by()) return why;
    return result<void>(outcome::already_ran);
  });
}

/// Calls what works in a transaction.  This is the one place where the compiler
/// refuses what cannot be called so.
template <class F>
decltype(auto) call_work([[maybe_unused]] F &&f,
                         [[maybe_unused]] pqxx::work &tx) {
  if constexpr (std::invocable<F, pqxx::work &>) {
    return std::invoke(std::forward<F>(f), tx);
  } else {
    static_assert(std::invocable<F, pqxx::work &>,
                  "the work is called as f(pqxx::work &); "
                  "a lambda may be [](pqxx::work &tx) { ... }");
  }
}

/// What the work returns.
template <class F>
using work_result =
    decltype(call_work(std::declval<F>(), std::declval<pqxx::work &>()));

/// Runs `f` on a connection of the program's if the lock was taken, and
/// commits.
template <class F>
result<work_result<F>> work_and_commit(pqxx::connection &connection,
                                       pqxx::work &tx,
                                       const result<void> &taken, F &&f) {
  using R = work_result<F>;
  if (!taken) return result<R>(taken.outcome(), taken.refused_by());
  const callback_guard guard(connection.sock());
  auto done =
      keep_result<R>([&]() -> R { return call_work(std::forward<F>(f), tx); });
  guard.check_process();
  tx.commit();
  return done;
}

}  // namespace PG_EXCLUSIVE_PQXX
}  // namespace detail
}  // namespace pg_exclusive
