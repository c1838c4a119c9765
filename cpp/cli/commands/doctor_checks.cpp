// What doctor asks the database. All questions travel together.
#include "commands/doctor_checks.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/text_table.hpp"

namespace pg_exclusive::cli {

namespace {

constexpr auto ask_primary = "SELECT pg_catalog.pg_is_in_recovery()";

finding check_primary(const rows &answer) {
  if (answer.text(0, 0) == "t") {
    return {level::fail, "role", "this server is a standby",
            "locks are taken on the primary: name all hosts and add "
            "target_session_attrs=read-write"};
  }
  return {level::ok, "role", "primary", ""};
}

std::string ask_lock_table(const std::string &schema) {
  return "SELECT used, room FROM " + schema + ".lock_table";
}

finding check_lock_table(const rows &answer) {
  const auto used = static_cast<double>(answer.number(0, 0));
  const auto size = static_cast<double>(answer.number(0, 1));
  const double percent = std::floor(100 * used / size);
  const std::string text = answer.text(0, 0) + " locks in use, room for " +
                           answer.text(0, 1) + " (" +
                           std::to_string(static_cast<int>(percent)) + " %)";
  const std::string advice = "raise max_locks_per_transaction (restart)";
  if (percent >= 90) {
    return {level::fail, "lock table", text, advice};
  }
  return percent >= 50 ? finding{level::warn, "lock table", text, advice}
                       : finding{level::ok, "lock table", text, ""};
}

constexpr auto ask_clock =
    "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())";

finding check_clock(const rows &answer, double ours) {
  const double server = std::strtod(answer.text(0, 0).c_str(), nullptr);
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

constexpr auto ask_encoding =
    "SELECT pg_catalog.current_setting('server_encoding')";

finding check_encoding(const rows &answer) {
  const std::string encoding = answer.text(0, 0);
  if (encoding == "UTF8") {
    return {level::ok, "encoding", "UTF8", ""};
  }
  if (encoding == "SQL_ASCII") {
    return {level::warn, "encoding",
            "SQL_ASCII: the server compares bytes and converts nothing",
            "use names in ASCII, or UTF-8 in every client"};
  }
  return {level::warn, "encoding",
          encoding + ": names with characters outside it cannot be used",
          "use names that this encoding has, or a database in UTF8"};
}

// Settings of other roles and databases: this session does not see them.
constexpr auto ask_timeouts = R"(
SELECT coalesce(r.rolname, 'every role') ||
    coalesce(' in ' || d.datname, '') || ': ' || setting
  FROM pg_catalog.pg_db_role_setting s
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase,
  pg_catalog.unnest(s.setconfig) setting
 WHERE (s.setdatabase = 0 OR d.datname = pg_catalog.current_database())
   AND pg_catalog.split_part(setting, '=', 1) IN ('statement_timeout',
     'lock_timeout', 'idle_session_timeout', 'transaction_timeout',
     'idle_in_transaction_session_timeout')
   AND pg_catalog.split_part(setting, '=', 2) !~ '^0[a-z]*$'
 ORDER BY 1 LIMIT 20)";

void check_timeouts(const rows &answer, std::vector<finding> &to) {
  for (int row = 0; row < answer.size(); ++row) {
    to.push_back({level::warn, "timeout", printable(answer.text(row, 0)),
                  "it ends plain SQL sessions that hold or wait for locks; the "
                  "tool and the client library override it"});
  }
}

constexpr auto ask_rights = R"(
SELECT pg_catalog.string_agg(DISTINCT object || ' (' || grantee || ')', ', ')
    FILTER (WHERE privilege <> 'trigger'),
  pg_catalog.string_agg(object || ': ' || grantee, ', ')
    FILTER (WHERE privilege = 'trigger')
  FROM exclusive_internal.foreign_rights)";

/// Reading the extension's tables is harmless. Anything else lets a role change
/// what the extension relies on.
void check_rights(const rows &answer, std::vector<finding> &to) {
  if (!answer.is_null(0, 0)) {
    to.push_back({level::warn, "rights",
                  "other roles may change " + printable(answer.text(0, 0)),
                  "REVOKE ALL on these: the extension needs no such grant"});
  }
  if (!answer.is_null(0, 1)) {
    to.push_back({level::warn, "rights",
                  "triggers of others on " + printable(answer.text(0, 1)),
                  "drop them: they do not belong there"});
  }
  if (answer.is_null(0, 0) && answer.is_null(0, 1)) {
    to.push_back({level::ok, "rights",
                  "no one else may change the extension's tables", ""});
  }
}

std::string ask_namespaces(const std::string &schema) {
  return "SELECT count(*), pg_catalog.string_agg(namespace, ', ')"
         " FILTER (WHERE paused_at IS NOT NULL) FROM " +
         schema + ".lock_namespaces";
}

finding check_namespaces(const rows &answer) {
  const std::string text = answer.text(0, 0) + " namespace" +
                           (answer.number(0, 0) == 1 ? "" : "s") +
                           " registered";
  if (!answer.is_null(0, 1)) {
    return {level::warn, "namespaces",
            text + "; paused: " + printable(answer.text(0, 1)),
            "SELECT resume_lock_namespace(NAME) when the maintenance is over"};
  }
  return {level::ok, "namespaces", text, ""};
}

}  // namespace

std::vector<finding> check_database(database &db, const server_facts &facts) {
  std::string sql;
  for (const char *question :
       {ask_primary, ask_clock, ask_encoding, ask_timeouts}) {
    sql.append(question).append(";");
  }
  const bool extension = !facts.extension_schema.empty();
  if (extension) {
    sql += ask_namespaces(facts.extension_schema) + ";" +
           ask_lock_table(facts.extension_schema) + ";" + ask_rights;
  }
  const double ours = std::chrono::duration<double>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const auto answers = db.ask_all(sql);
  std::vector<finding> result{check_primary(answers.at(0)),
                              check_clock(answers.at(1), ours),
                              check_encoding(answers.at(2))};
  check_timeouts(answers.at(3), result);
  if (extension) {
    result.push_back(check_namespaces(answers.at(4)));
    result.push_back(check_lock_table(answers.at(5)));
    check_rights(answers.at(6), result);
  }
  return result;
}

}  // namespace pg_exclusive::cli
