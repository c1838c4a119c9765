// Opening a lock session: is it what it must be, and will it keep what it is
// given?
#include <string>
#include <utility>
#include <vector>

#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {
namespace {

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::max<std::int64_t>(
      1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

std::string milliseconds(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

// The client gives up on a dead link before the server may.
std::vector<pq::keyword> connection_settings(const client_options &options) {
  return {{"fallback_application_name", "pg_exclusive"},
          {"client_encoding", "UTF8"},
          {"keepalives", "1"},
          {"keepalives_idle", seconds(options.lease / 3)},
          {"keepalives_interval", seconds(options.lease / 9)},
          {"keepalives_count", "3"},
          {"tcp_user_timeout", milliseconds(options.lease / 3)}};
}

struct setting {
  const char *name;
  std::string value;
};

// What the role, the database or the server may have set otherwise.
std::vector<setting> session_settings(const client_options &options,
                                      int server_version) {
  std::vector<setting> settings{
      {"idle_session_timeout", milliseconds(options.lease)},
      {"statement_timeout", "0"},
      {"lock_timeout", "0"},
      {"idle_in_transaction_session_timeout", "0"},
      {"default_transaction_isolation", "read committed"},
      {"default_transaction_read_only", "off"},
      {"default_transaction_deferrable", "off"},
      {"client_min_messages", "warning"},
      // Not before the lease ends.
      {"tcp_user_timeout",
       milliseconds(options.lease + std::chrono::seconds(1))},
      {"tcp_keepalives_idle", seconds(options.lease)},
      {"tcp_keepalives_interval", seconds(options.lease / 3)},
      {"tcp_keepalives_count", "3"},
      // A waiter whose client is gone must not be granted anything.
      {"client_connection_check_interval",
       milliseconds(
           std::min(options.lease / 3, std::chrono::milliseconds(2000)))}};
  if (server_version >= 170000)
    settings.push_back({"transaction_timeout", "0"});
  return settings;
}

void override_settings(PGconn *connection,
                       const std::vector<setting> &settings) {
  std::string sql = "SELECT";
  std::vector<std::string> values;
  for (const auto &[name, value] : settings) {
    if (!values.empty()) sql += ',';
    values.push_back(value);
    sql += std::string(" pg_catalog.set_config('") + name + "', $" +
           std::to_string(values.size()) + ", false)";
  }
  pq::exec(connection, sql, values);
}

// The first statement, before any SET, which behind a pooler would leak to
// others: are we alone with a backend of a primary?
struct other_end {
  int backend_pid = 0;  // not what a pooler says it is
  bool pooled = false;
  bool standby = false;
};

other_end look(PGconn *connection) {
  const auto row = pq::exec(connection,
                            "SELECT pg_catalog.pg_backend_pid(), "
                            "pg_catalog.pg_is_in_recovery()");
  other_end end;
  end.backend_pid = std::stoi(std::string(pq::column(row.get(), 0, 0)));
  end.pooled = end.backend_pid != PQbackendPID(connection);
  end.standby = pq::column(row.get(), 0, 1) == "t";
  return end;
}

std::optional<std::pair<std::string, std::string>> find_extension(
    PGconn *connection) {
  const auto rows =
      pq::exec(connection,
               "SELECT pg_catalog.quote_ident(n.nspname), e.extversion "
               "FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n "
               "ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
               "WHERE e.extname OPERATOR(pg_catalog.=) 'pg_exclusive'");
  if (PQntuples(rows.get()) == 0) return std::nullopt;
  return std::pair(std::string(pq::column(rows.get(), 0, 0)),
                   std::string(pq::column(rows.get(), 0, 1)));
}

// While this lives, the server has to answer.
class hurry : socket_watcher::limit {
 public:
  hurry(const client_core &owner, const pq::connection_ptr &connection)
      : socket_watcher::limit(
            owner.watch(), PQsocket(connection.get()),
            boot_clock::now() + owner.options().connect_timeout) {}
};

// Of several hosts, the primary.
pq::connection_ptr connect(const client_core &owner) {
  const auto &options = owner.options();
  const std::string conninfo = owner.conninfo();
  auto settings = connection_settings(options);
  auto connection = pq::connect(conninfo, settings, options.connect_timeout);
  const hurry limit(owner, connection);
  if (look(connection.get()).standby) {
    settings.push_back({"target_session_attrs", "primary"});
    try {
      return pq::connect(conninfo, settings, options.connect_timeout);
    } catch (const lock_error &) {  // NOLINT(bugprone-empty-catch)
      // There is none; what we have is refused below.
    }
  }
  return connection;
}

void check(const other_end &end, const PGconn *connection,
           const client_options &options) {
  if (end.pooled && options.pooler == pooler_policy::refuse) {
    throw lock_error(
        "there is a connection pooler between us and the server", "08P01",
        std::nullopt,
        "In transaction mode, locks of a session behind it exclude nobody.  "
        "Connect directly, use the transaction forms, or, if it is in session "
        "mode, set client_options.pooler = pooler_policy::session.");
  }
  if (end.standby) {
    throw lock_error("the server is a standby", "25006", std::nullopt,
                     "A lock there would exclude nobody: connect to the "
                     "primary.");
  }
  if (PQserverVersion(connection) < 150000) {
    throw lock_error("PostgreSQL 15 or newer is needed", "0A000");
  }
}

}  // namespace

opened open_session(const client_core &owner) {
  opened made;
  made.connection = connect(owner);
  const hurry limit(owner, made.connection);
  PGconn *connection = made.connection.get();
  PQsetNoticeProcessor(
      connection, [](void *, const char *) {}, nullptr);
  const other_end end = look(connection);
  check(end, connection, owner.options());
  made.pooled = end.pooled;
  made.backend_pid = end.backend_pid;
  const auto extension = find_extension(connection);
  if (!extension &&
      owner.options().without_extension == missing_extension_policy::refuse) {
    throw missing_extension(std::nullopt);
  }
  override_settings(connection, session_settings(owner.options(),
                                                 PQserverVersion(connection)));
  made.language = extension ? make_extension_protocol(extension->first)
                            : make_builtin_protocol();
  made.sent = boot_clock::now();
  made.nonce = made.language->prepare(connection);
  return made;
}

server_facts client_core::facts() const {
  check_usable();
  const auto connection = connect(*this);
  const hurry limit(*this, connection);
  server_facts facts;
  facts.server_version = PQserverVersion(connection.get());
  facts.behind_pooler = look(connection.get()).pooled;
  facts.standby = look(connection.get()).standby;
  const char *host = PQhost(connection.get());
  facts.unix_socket = host != nullptr && (host[0] == '/' || host[0] == '@');
  if (auto extension = find_extension(connection.get())) {
    facts.extension_schema = extension->first;
    facts.extension_version = extension->second;
  }
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
  for (const auto &[name, value] :
       session_settings(options_, facts.server_version)) {
    const auto row = pq::exec(
        connection.get(),
        "SELECT pg_catalog.current_setting(name), source "
        "FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) $1 "
        "AND source OPERATOR(pg_catalog.<>) 'default' "
        "AND source OPERATOR(pg_catalog.<>) 'session' "
        "AND setting OPERATOR(pg_catalog.<>) $2",
        {name, value});
    if (PQntuples(row.get()) == 0) continue;
    facts.overridden.push_back({name, std::string(pq::column(row.get(), 0, 0)),
                                std::string(pq::column(row.get(), 0, 1))});
  }
  return facts;
}

}  // namespace pg_exclusive::detail
