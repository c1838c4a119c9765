// What a client finds out about its connection, for `doctor`.
#include "client_core/client_core.hpp"
#include "session/open_session.hpp"

namespace pg_exclusive::detail {
namespace {

std::string array_of(const std::vector<setting> &settings,
                     std::string (*part)(const setting &)) {
  std::string text = "{";
  for (const auto &s : settings) {
    if (text.size() > 1) text += ',';
    text += '"' + part(s) + '"';
  }
  return text + "}";
}

// The settings that the role, the database or the server has otherwise.
std::vector<overridden_setting> find_overridden(
    PGconn *connection, const std::vector<setting> &settings) {
  const auto rows = pq::exec(
      connection,
      "SELECT s.name, pg_catalog.current_setting(s.name), s.source "
      "FROM ROWS FROM (pg_catalog.unnest($1::text[]), "
      "pg_catalog.unnest($2::text[])) WITH ORDINALITY AS w(name, value, n) "
      "JOIN pg_catalog.pg_settings s ON s.name OPERATOR(pg_catalog.=) w.name "
      "WHERE s.source OPERATOR(pg_catalog.<>) 'default' "
      "AND s.source OPERATOR(pg_catalog.<>) 'session' "
      "AND s.setting OPERATOR(pg_catalog.<>) w.value ORDER BY w.n",
      {array_of(settings, [](const setting &s) { return std::string(s.name); }),
       array_of(settings, [](const setting &s) { return s.value; })});
  std::vector<overridden_setting> found;
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    const auto text = [&](int column) {
      return std::string(pq::column(rows.get(), row, column));
    };
    found.push_back({text(0), text(1), text(2)});
  }
  return found;
}

}  // namespace

server_facts client_core::facts() const {
  check_usable();
  const std::string where = conninfo();
  const auto look_at = [&](bool standbys_too) {
    return with_connection(
        *this, where,
        [&](pq::connection_ptr connection,
            std::unique_ptr<socket_watcher::limit> /*limit*/) {
          auto facts = facts_of(connection.get());
          if (facts.standby && !standbys_too) throw standby_error();
          return facts;
        });
  };
  try {
    return look_at(false);
  } catch (const lock_error &error) {
    if (error.sqlstate() != "25006") throw;
    return look_at(true);  // there is nothing else
  }
}

server_facts client_core::facts_of(PGconn *connection) const {
  server_facts facts;
  const other_end end = look(connection);
  facts.server_version = PQserverVersion(connection);
  facts.behind_pooler = end.pooled;
  facts.standby = end.standby;
  facts.extension_schema = end.extension_schema;
  facts.extension_version = end.extension_version;
  const char *host = PQhost(connection);
  facts.unix_socket = host != nullptr && (host[0] == '/' || host[0] == '@');
  facts.lease = options_.lease;
  using std::chrono::duration_cast;
  facts.client_bound = duration_cast<std::chrono::milliseconds>(client_bound());
  facts.server_bound = duration_cast<std::chrono::milliseconds>(server_bound());
  facts.heartbeat_period =
      duration_cast<std::chrono::milliseconds>(heartbeat_period());
  if (!facts.unix_socket) {
    facts.client_tcp_bound = options_.lease / 3 + options_.lease / 3;
    facts.server_tcp_bound = 2 * options_.lease + std::chrono::seconds(1);
  }
  facts.overridden = find_overridden(
      connection, session_settings(options_, facts.server_version));
  return facts;
}

}  // namespace pg_exclusive::detail
