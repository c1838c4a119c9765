// Opening a lock session, in two round trips after libpq has connected, and
// what other connections have in common with it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pg_exclusive/client_options.hpp"
#include "protocol/connect.hpp"
#include "session/session.hpp"
#include "session/session_context.hpp"

namespace pg_exclusive::detail {

// Connects to one address after the other, and makes sure that the session
// keeps what it is given.  Throws lock_error when the other end is a pooler, a
// standby or too old, or has no extension, unless the options allow that.
opened open_session(const session_context &owner, const std::string &conninfo);

// With these a dead link is noticed before the lease is over.
std::vector<pq::keyword> link_settings(const client_options &options);

// The settings of a lock session and of `facts`.
pq::settings connection_settings(const client_options &options);

// 25006.
lock_error standby_error();

// What answers at the other end of a connection.
struct other_end {
  int backend_pid = 0;  // not what a pooler says it is
  bool pooled = false;
  bool standby = false;
  std::string extension_schema;   // quoted; empty: not there
  std::string extension_version;  // empty: not there
};

// The first statement on a connection.  It comes before any SET, which a pooler
// would pass on to other clients.
other_end look(PGconn *connection);

// What the role, the database or the server may have set otherwise.
struct setting {
  const char *name;
  std::string value;
};
std::vector<setting> session_settings(const client_options &options,
                                      int server_version);

// Connects to one address after the other until `use` succeeds with one.
template <class F>
auto with_connection(const session_context &owner, const std::string &conninfo,
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

}  // namespace pg_exclusive::detail
