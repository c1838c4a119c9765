#include "commands/doctor_checks.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/text_table.hpp"
#include "pg_exclusive/version.hpp"

namespace pg_exclusive::cli {

namespace {

std::string in_seconds(std::chrono::milliseconds t) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.4g s",
                      static_cast<double>(t.count()) / 1000);
  return text.data();
}

finding check_version(const server_facts &facts) {
  const std::string version =
      "PostgreSQL " + std::to_string(facts.server_version / 10000) + "." +
      std::to_string(facts.server_version % 10000);
  if (facts.server_version < 150000) {
    return {level::fail, "server", version, "PostgreSQL 15 or newer is needed"};
  }
  return {level::ok, "server", version, ""};
}

finding check_extension(const server_facts &facts) {
  if (facts.extension_version.empty()) {
    return {level::fail, "extension", "not in this database",
            "CREATE EXTENSION pg_exclusive;"};
  }
  if (facts.extension_version != PG_EXCLUSIVE_VERSION) {
    return {
        level::warn, "extension",
        facts.extension_version + ", the tool is " PG_EXCLUSIVE_VERSION,
        "install the same version and ALTER EXTENSION pg_exclusive UPDATE;"};
  }
  return {level::ok, "extension",
          facts.extension_version + " in schema " + facts.extension_schema, ""};
}

finding check_pooler(const server_facts &facts) {
  if (facts.behind_pooler) {
    return {level::fail, "pooler", "something answers in the server's place",
            "connect to the server itself: locks of a session exclude nobody "
            "behind a pooler in transaction mode"};
  }
  return {level::ok, "pooler", "none in between", ""};
}

finding check_lease(const server_facts &facts) {
  const std::string bounds =
      "lease " + in_seconds(facts.lease) + ": we give up after " +
      in_seconds(facts.client_bound) + ", the server frees the lock after " +
      in_seconds(facts.server_bound);
  if (facts.client_bound >= facts.server_bound) {
    return {level::fail, "lease", bounds,
            "the server must be the later one: use a longer --lease"};
  }
  return {level::ok, "lease", bounds, ""};
}

finding check_link(const server_facts &facts) {
  if (facts.unix_socket) {
    return {level::ok, "dead link", "Unix socket, no network", ""};
  }
  const std::string bounds =
      "noticed by the server after " + in_seconds(facts.server_tcp_bound) +
      ", by us after " + in_seconds(facts.client_tcp_bound);
  if (facts.server_tcp_bound.count() == 0 ||
      facts.client_tcp_bound.count() == 0) {
    return {level::warn, "dead link", bounds + " (0 s: never)",
            "let the kernel notice: keepalives and tcp_user_timeout"};
  }
  return {level::ok, "dead link", bounds, ""};
}

pqxx::result ask(pqxx::connection &to, const std::string &sql) {
  pqxx::nontransaction work{to};
  return work.exec(sql);
}

finding check_primary(pqxx::connection &to) {
  const bool standby =
      *ask(to, "SELECT pg_catalog.pg_is_in_recovery()")[0][0].c_str() == 't';
  if (standby) {
    return {level::fail, "role", "this server is a standby",
            "locks are taken on the primary: name all hosts and add "
            "target_session_attrs=read-write"};
  }
  return {level::ok, "role", "primary", ""};
}

finding check_lock_table(pqxx::connection &to) {
  const auto row =
      ask(to,
          "SELECT (SELECT count(*) FROM pg_catalog.pg_locks),"
          " pg_catalog.current_setting('max_locks_per_transaction')::bigint *"
          " (pg_catalog.current_setting('max_connections')::bigint +"
          " pg_catalog.current_setting('max_prepared_transactions')::bigint)");
  const auto used = row[0][0].as<double>();
  const auto size = row[0][1].as<double>();
  const double percent = std::floor(100 * used / size);
  const std::string text = std::string{row[0][0].c_str()} + " of about " +
                           row[0][1].c_str() + " locks in use (" +
                           std::to_string(static_cast<int>(percent)) + " %)";
  const std::string advice = "raise max_locks_per_transaction (restart)";
  if (percent >= 90) {
    return {level::fail, "lock table", text, advice};
  }
  return percent >= 50 ? finding{level::warn, "lock table", text, advice}
                       : finding{level::ok, "lock table", text, ""};
}

finding check_clock(pqxx::connection &to) {
  const auto before = std::chrono::system_clock::now();
  const auto row = ask(to,
                       "SELECT pg_catalog.date_part('epoch',"
                       " pg_catalog.clock_timestamp())");
  const auto server = row[0][0].as<double>();
  const double ours =
      std::chrono::duration<double>(before.time_since_epoch()).count();
  const double apart = std::fabs(server - ours);
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(),
                      "%.1f s apart from the server's", apart);
  if (apart > 5) {
    return {level::warn, "clock", text.data(),
            "set it: no lock depends on it, but times that people compare do"};
  }
  return {level::ok, "clock", text.data(), ""};
}

finding check_namespaces(pqxx::connection &to, const std::string &schema) {
  const auto rows =
      ask(to,
          "SELECT count(*), pg_catalog.string_agg(namespace, ', ')"
          " FILTER (WHERE paused_at IS NOT NULL) FROM " +
              schema + ".lock_namespaces");
  const std::string text = std::string{rows[0][0].c_str()} + " namespace" +
                           (std::string{"1"} == rows[0][0].c_str() ? "" : "s") +
                           " registered";
  if (!rows[0][1].is_null()) {
    return {level::warn, "namespaces",
            text + "; paused: " + printable(rows[0][1].c_str()),
            "SELECT resume_lock_namespace(NAME) when the maintenance is over"};
  }
  return {level::ok, "namespaces", text, ""};
}

}  // namespace

std::vector<finding> check_facts(const server_facts &facts) {
  std::vector<finding> result{check_version(facts), check_extension(facts),
                              check_pooler(facts), check_lease(facts),
                              check_link(facts)};
  for (const auto &setting : facts.overridden) {
    result.push_back(
        {level::warn, "setting",
         setting.name + " = " + setting.value + " (" + setting.source +
             ") would end or prevent holds and waits",
         "this tool and the client library override it; change it if locks "
         "are taken in plain SQL sessions too"});
  }
  if (facts.overridden.empty()) {
    result.push_back({level::ok, "settings",
                      "none that would end or prevent holds and waits", ""});
  }
  return result;
}

std::vector<finding> check_database(pqxx::connection &to,
                                    const server_facts &facts) {
  std::vector<finding> result{check_primary(to), check_lock_table(to),
                              check_clock(to)};
  if (!facts.extension_schema.empty()) {
    result.push_back(check_namespaces(to, facts.extension_schema));
  }
  return result;
}

}  // namespace pg_exclusive::cli
