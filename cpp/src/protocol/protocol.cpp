#include "protocol/protocol.hpp"

namespace pg_exclusive::detail {

prepared last_look(PGconn *connection, const std::string &expression,
                   const std::string &from) {
  prepared ready;
  ready.sent = boot_clock::now();
  const auto row = pq::exec(
      connection, "SELECT " + expression +
                      ", pg_catalog.pg_backend_pid(), "
                      "pg_catalog.current_setting('idle_session_timeout')" +
                      from);
  ready.nonce = pq::number<std::int64_t>(pq::column(row.get(), 0, 0));
  ready.backend_pid = pq::number<int>(pq::column(row.get(), 0, 1));
  ready.lease = pq::column(row.get(), 0, 2);
  return ready;
}

}  // namespace pg_exclusive::detail
