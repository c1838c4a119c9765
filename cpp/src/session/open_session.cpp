#include "session/open_session.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg_exclusive/detail/client_access.hpp"
#include "protocol/connect.hpp"
#include "protocol/pipeline.hpp"

namespace pg_exclusive::detail {
namespace {

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::max<std::int64_t>(
      1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

std::string milliseconds(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

void add_settings(pq::pipeline &to, const std::vector<setting> &settings) {
  std::string sql = "SELECT";
  std::vector<std::string> values;
  for (const auto &[name, value] : settings) {
    if (!values.empty()) sql += ',';
    values.push_back(value);
    sql += std::string(" pg_catalog.set_config('") + name + "', $" +
           std::to_string(values.size()) + ", false)";
  }
  to.query(sql, values);
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
    throw standby_error();
  }
  if (PQserverVersion(connection) < 150000) {
    throw lock_error("PostgreSQL 15 or newer is needed", "0A000");
  }
}

// What the last statement of the preparation told.
struct prepared {
  std::int64_t nonce = 0;
  boot_clock::time_point sent;  // before it was sent
};

// The settings, the statements and the backend that were looked at have to be
// the ones that the locks will be on.  `lease` is what the server has set.
void check_same_backend(const PGresult *last_look, const other_end &end,
                        std::string_view lease) {
  if (pq::number<int>(pq::column(last_look, 0, 1)) == end.backend_pid &&
      pq::column(last_look, 0, 2) == lease) {
    return;
  }
  throw lock_error(
      "another backend answered while the session was opened", "08P01",
      std::nullopt,
      "Something between us and the server changes the backend.  Locks of a "
      "session behind it exclude nobody.");
}

// Over a link that is too slow for the lease no session would ever live.
lock_error too_slow_for_lease(const session_context &owner) {
  return {
      "the session was over before it could be used: the server's answers "
      "take too long for a lease of " +
          milliseconds(owner.options().lease) + " ms",
      "08001", std::nullopt,
      "The lease has to be several times as long as a round trip to the "
      "server."};
}

// Settings and statements in one round trip.  From its moment on the server
// counts the lease.
prepared make_ready(const session_context &owner, PGconn *connection,
                    const protocol &language, const other_end &end) {
  pq::pipeline setup(connection);
  add_settings(setup,
               session_settings(owner.options(), PQserverVersion(connection)));
  language.prepare(setup);
  prepared ready;
  ready.sent = boot_clock::now();
  try {
    const auto results = setup.run();
    const PGresult *last = results.back().get();
    check_same_backend(last, end, pq::column(results.front().get(), 0, 0));
    ready.nonce = pq::number<std::int64_t>(pq::column(last, 0, 0));
  } catch (const lock_error &) {
    if (PQstatus(connection) != CONNECTION_OK &&
        boot_clock::now() - ready.sent >= owner.server_bound()) {
      throw too_slow_for_lease(owner);
    }
    throw;
  }
  if (boot_clock::now() - ready.sent >= owner.client_bound()) {
    throw too_slow_for_lease(owner);
  }
  return ready;
}

opened open_at(const session_context &owner, pq::connection_ptr made_connection,
               std::unique_ptr<socket_watcher::limit> limit) {
  opened made;
  made.connection = std::move(made_connection);
  made.limit = std::move(limit);
  PGconn *connection = made.connection.get();
  const other_end end = look(connection);
  check(end, connection, owner.options());
  made.pooled = end.pooled;
  made.backend_pid = end.backend_pid;
  const bool extension = !end.extension_schema.empty();
  if (!extension &&
      owner.options().without_extension == missing_extension_policy::refuse) {
    throw missing_extension(std::nullopt);
  }
  made.language = extension ? make_extension_protocol(end.extension_schema)
                            : make_builtin_protocol();
  const prepared ready = make_ready(owner, connection, *made.language, end);
  made.nonce = ready.nonce;
  made.sent = ready.sent;
  return made;
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

// Names are UTF-8 for us, whatever encoding the program uses for its own
// connections.
pq::settings connection_settings(const client_options &options) {
  auto defaults = link_settings(options);
  defaults.push_back({"fallback_application_name", "pg_exclusive"});
  return {defaults, {{"client_encoding", "UTF8"}}};
}

lock_error standby_error() {
  return {"the server is a standby", "25006", std::nullopt,
          "A lock there would exclude nobody: connect to the primary."};
}

opened open_session(const session_context &owner, const std::string &conninfo) {
  opened made = with_connection(
      owner, conninfo,
      [&](pq::connection_ptr connection,
          std::unique_ptr<socket_watcher::limit> limit) {
        return open_at(owner, std::move(connection), std::move(limit));
      });
  made.limit->lift();
  return made;
}

other_end look(PGconn *connection) {
  const auto row = pq::exec(
      connection,
      "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), "
      "e.schema, e.version FROM (SELECT) o LEFT JOIN "
      "(SELECT pg_catalog.quote_ident(n.nspname), x.extversion "
      "FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n "
      "ON n.oid OPERATOR(pg_catalog.=) x.extnamespace "
      "WHERE x.extname OPERATOR(pg_catalog.=) 'pg_exclusive') "
      "e(schema, version) ON true");
  other_end end;
  end.backend_pid = pq::number<int>(pq::column(row.get(), 0, 0));
  end.pooled = end.backend_pid != PQbackendPID(connection);
  end.standby = pq::text_bool(row.get(), 0, 1);
  end.extension_schema = pq::column(row.get(), 0, 2);
  end.extension_version = pq::column(row.get(), 0, 3);
  return end;
}

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

}  // namespace pg_exclusive::detail
