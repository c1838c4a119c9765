// Waiting in the server's queue, on a session that holds nothing.
#pragma once

#include <optional>
#include <stop_token>

#include "protocol/protocol.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

// How it ended.  After `stopped` and `overdue` nothing is queued or granted,
// and the session is over: a late cancel could hit its next statement.
struct server_wait_end {
  enum { answered, stopped, overdue } how = answered;
  wait_answer answer;
  boot_clock::time_point sent;
};

// Waits for `lock` with `connection`, until the server answers or one of the
// stops is requested; `wait` is for the server, `overdue_after` for a server
// that forgets us.
server_wait_end wait_for_lock(session &s, PGconn *connection,
                              const wanted_lock &lock,
                              std::optional<std::chrono::milliseconds> wait,
                              std::chrono::milliseconds patience,
                              const std::stop_token &stop,
                              const std::stop_token &closing);

}  // namespace pg_exclusive::detail
