// The end of a client, and what can be read from it before.
#include <set>

#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/lockable.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

// Gives back everything on one session.  Holds that live are lost, because
// whoever has them did not let go.
bool client_core::release_all(const session_ptr &s, const loss_info &info) {
  bool all = true;
  std::set<std::int64_t> given;  // shared holds have one grant together
  for (const auto &g : s->grants()) {
    const auto token = g->token();
    if (!lost(g, info)) {
      all = false;  // its release is under way, and may come too late
    } else if (given.insert(token).second) {
      all = s->unlock(*g) && all;
    }
  }
  return all;
}

bool client_core::close(std::chrono::milliseconds deadline) {
  if (forked_ || closed_.exchange(true)) return true;
  loss_info info;
  info.reason = loss_reason::client_closed;
  info.when = info.others_may_run_since = std::chrono::system_clock::now();
  const auto until = boot_clock::now() + to_wait(deadline);
  watcher_.end_all_at(until);  // what has not answered by then
  closing_.request_stop();
  bool all = true;
  for (const auto &s : sessions_.close()) {
    all = release_all(s, info) && all;
    s->fail(loss_reason::client_closed, "");
    s->reap();
  }
  all = sessions_.await_waits(until) && all;
  all = transactions_.close(until) && all;
  return all && boot_clock::now() < until;  // else something was cut off
}

client_stats client_core::stats() const {
  client_stats now;
  now.grants = counters.grants;
  now.refusals = counters.refusals;
  now.timeouts = counters.timeouts;
  now.stops = counters.stops;
  now.losses = counters.losses;
  now.local_refusals = counters.local_refusals;
  now.shared_joins = counters.shared_joins;
  now.round_trips = counters.round_trips;
  now.calls = counters.calls;
  now.heartbeats = counters.heartbeats;
  now.waits = counters.waits;
  now.polled_waits = counters.polled_waits;
  now.connects = counters.connects;
  now.sessions = sessions_.size();
  now.waiting_sessions = sessions_.waiting();
  now.holds =
      static_cast<std::size_t>(std::max<std::int64_t>(counters.holds, 0));
  return now;
}

}  // namespace pg_exclusive::detail
