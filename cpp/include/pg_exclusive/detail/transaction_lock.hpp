/// @file
/// The statements behind `transaction.hpp`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pg_exclusive/detail/client_access.hpp"
#include "pg_exclusive/detail/pqxx_compat.hpp"

namespace pg_exclusive {
namespace detail {
inline namespace PG_EXCLUSIVE_PQXX {

/// Runs `statement`; the server's errors become `lock_error`.
template <class F>
auto as_lock_error(const lock_name &name, F &&statement) {
  try {
    return std::forward<F>(statement)();
  } catch (const pqxx::broken_connection &) {
    throw;
  } catch (const pqxx::sql_error &error) {
    throw server_error(error.what(), sqlstate(error), name);
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
  return as_lock_error(name, [&] {
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
           "SELECT pid, coalesce(role, ''), coalesce(application_name, ''), "
           "coalesce(pg_catalog.host(client_addr), ''), "
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
  holder.role = row[1].template as<std::string>();
  holder.application_name = row[2].template as<std::string>();
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
                "SELECT " + *schema + ".try_xact_lock($1, $2, $3)" + isolation,
                name.namespace_, name.key, shared ? "shared" : "exclusive");
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
  return as_lock_error(name, [&] {
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
  return as_lock_error(name, [&] {
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
  if (!schema) throw missing_extension(name);
  return as_lock_error(name, [&] {
    const pqxx::result ran =
        exec(tx, "SELECT " + *schema + ".try_run_once($1, $2, $3, 'SELECT')",
             name.namespace_, name.key, std::string(slot));
    if (ran[0][0].as<bool>()) return result<void>(std::in_place);
    auto why = refused(tx, schema, name);
    if (why.refused_by()) return why;
    return result<void>(outcome::already_ran);
  });
}

}  // namespace PG_EXCLUSIVE_PQXX
}  // namespace detail
}  // namespace pg_exclusive
