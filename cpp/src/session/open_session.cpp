#include "session/open_session.hpp"

#include <string>
#include <utility>
#include <vector>

#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"
#include "protocol/connect.hpp"

namespace pg_exclusive::detail {
namespace {

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::max<std::int64_t>(
      1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

std::string milliseconds(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

// Names are UTF-8 for us, whatever encoding the program uses for its own
// connections.
pq::settings connection_settings(const client_options &options) {
  auto defaults = link_settings(options);
  defaults.push_back({"fallback_application_name", "pg_exclusive"});
  return {defaults, {{"client_encoding", "UTF8"}}};
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

// Gives the lease as the server prints it.
std::string override_settings(PGconn *connection,
                              const std::vector<setting> &settings) {
  std::string sql = "SELECT";
  std::vector<std::string> values;
  for (const auto &[name, value] : settings) {
    if (!values.empty()) sql += ',';
    values.push_back(value);
    sql += std::string(" pg_catalog.set_config('") + name + "', $" +
           std::to_string(values.size()) + ", false)";
  }
  const auto row = pq::exec(connection, sql, values);
  return std::string(pq::column(row.get(), 0, 0));
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
  end.backend_pid = pq::number<int>(pq::column(row.get(), 0, 0));
  end.pooled = end.backend_pid != PQbackendPID(connection);
  end.standby = pq::text_bool(row.get(), 0, 1);
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

void check(const other_end &end, const PGconn *connection,
           const client_options &options) {
  if (end.pooled && options.pooler == pooler_policy::refuse &&
      options.hold_as == hold_kind::session) {
    throw lock_error(
        "there is a connection pooler between us and the server", "08P01",
        std::nullopt,
        "In transaction mode, locks of a session behind it exclude nobody.  "
        "Connect directly, use the transaction forms, or set "
        "client_options.pooler to the pooler's mode: pooler_policy::session or "
        "pooler_policy::transaction.");
  }
  if (end.standby) {
    throw standby_error();
  }
  if (PQserverVersion(connection) < 150000) {
    throw lock_error("PostgreSQL 15 or newer is needed", "0A000");
  }
}

// The settings, the statements and the backend that were looked at have to be
// the ones that the locks will be on.
void check_same_backend(const prepared &ready, const other_end &end,
                        const std::string &lease) {
  if (ready.backend_pid == end.backend_pid && ready.lease == lease) return;
  throw lock_error(
      "another backend answered while the session was opened", "08P01",
      std::nullopt,
      "Something between us and the server changes the backend.  Locks of a "
      "session behind it exclude nobody.");
}

// Over a link that is too slow for the lease no session would ever live.
lock_error too_slow_for_lease(const client_core &owner) {
  return {
      "the session was over before it could be used: the server's answers "
      "take too long for a lease of " +
          milliseconds(owner.options().lease) + " ms",
      "08001", std::nullopt,
      "The lease has to be several times as long as a round trip to the "
      "server."};
}

// From the first of these on the server counts the lease.
prepared make_ready(const client_core &owner, PGconn *connection,
                    protocol &language, std::string &lease) {
  const auto began = boot_clock::now();
  prepared ready;
  try {
    lease = override_settings(
        connection,
        session_settings(owner.options(), PQserverVersion(connection)));
    ready = language.prepare(connection);
  } catch (const lock_error &error) {
    if (PQstatus(connection) != CONNECTION_OK &&
        boot_clock::now() - began >= owner.server_bound()) {
      throw too_slow_for_lease(owner);
    }
    throw;
  }
  if (boot_clock::now() - ready.sent >= owner.client_bound()) {
    throw too_slow_for_lease(owner);
  }
  return ready;
}

opened open_at(const client_core &owner, pq::connection_ptr made_connection,
               std::unique_ptr<socket_watcher::limit> limit) {
  opened made;
  made.connection = std::move(made_connection);
  made.limit = std::move(limit);
  PGconn *connection = made.connection.get();
  const other_end end = look(connection);
  check(end, connection, owner.options());
  made.pooled = end.pooled && !owner.leases();
  made.backend_pid = end.backend_pid;
  const auto extension = find_extension(connection);
  if (!extension && owner.leases()) throw missing_extension(std::nullopt);
  if (extension && owner.leases()) {
    // Behind a pooler a SET would be another client's.
    made.language =
        make_lease_protocol(extension->first, owner.options().lease);
    made.sent = boot_clock::now();
    return made;
  }
  if (!extension &&
      owner.options().without_extension == missing_extension_policy::refuse) {
    throw missing_extension(std::nullopt);
  }
  made.language = extension ? make_extension_protocol(extension->first)
                            : make_builtin_protocol();
  std::string lease;
  const prepared ready = make_ready(owner, connection, *made.language, lease);
  check_same_backend(ready, end, lease);
  made.nonce = ready.nonce;
  made.sent = ready.sent;
  return made;
}

// Connects to one address after the other until `use` succeeds with one.
template <class F>
auto with_connection(const client_core &owner, const std::string &conninfo,
                     F &&use) {
  return pq::first_that_works(
      conninfo, owner.options().connect_timeout, [&](const pq::attempt &now) {
        auto limit = std::make_unique<socket_watcher::limit>(owner.watch());
        limit->set(now.deadline);
        pq::connection_ptr connection =
            pq::connect(conninfo, connection_settings(owner.options()), now,
                        [&](int socket) { limit->watch(socket); });
        try {
          return use(std::move(connection), std::move(limit));
        } catch (const lock_error &) {
          if (boot_clock::now() >= now.deadline) throw pq::too_slow(now);
          throw;
        }
      });
}

}  // namespace

// The client gives up on a dead link before the server may.
std::vector<pq::keyword> link_settings(const client_options &options) {
  return {{"keepalives", "1"},
          {"keepalives_idle", seconds(options.lease / 3)},
          {"keepalives_interval", seconds(options.lease / 9)},
          {"keepalives_count", "3"},
          {"tcp_user_timeout", milliseconds(options.lease / 3)}};
}

lock_error standby_error() {
  return {"the server is a standby", "25006", std::nullopt,
          "A lock there would exclude nobody: connect to the primary."};
}

opened open_session(const client_core &owner, const std::string &conninfo) {
  opened made = with_connection(
      owner, conninfo,
      [&](pq::connection_ptr connection,
          std::unique_ptr<socket_watcher::limit> limit) {
        return open_at(owner, std::move(connection), std::move(limit));
      });
  made.limit->lift();
  return made;
}

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
  facts.server_version = PQserverVersion(connection);
  const other_end end = look(connection);
  facts.behind_pooler = end.pooled;
  facts.standby = end.standby;
  const char *host = PQhost(connection);
  facts.unix_socket = host != nullptr && (host[0] == '/' || host[0] == '@');
  if (auto extension = find_extension(connection)) {
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
        connection,
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
