// Heartbeats: does the session still have each lock, and is it still the same
// backend?
//
// They ask the lock manager for each lock.  A mere sign of life would miss
// DISCARD ALL, pg_advisory_unlock_all() and a pooler that changed the backend.
#include <algorithm>

#include "session/session.hpp"
#include "session/session_context.hpp"

namespace pg_exclusive::detail {

std::vector<held_lock> session::held_locks() {
  std::vector<held_lock> held;
  const std::lock_guard guard(grants_access_);
  held.reserve(grants_.size());
  for (const grant *g : grants_) held.push_back({g->token(), g->mode()});
  return held;
}

void session::heartbeat_sent(boot_clock::time_point now) {
  last_beat_ = now.time_since_epoch().count();
}

void session::heartbeat_answered(PGconn *connection, const PGresult *result,
                                 std::span<const held_lock> asked,
                                 boot_clock::time_point sent,
                                 boot_clock::time_point now,
                                 std::vector<std::int64_t> &lost) {
  if (const auto error = pq::error_of(connection, result)) {
    return fail(error->sqlstate() == "26000" ? loss_reason::lock_gone
                                             : loss_reason::connection_closed,
                error->what());
  }
  heartbeat_reply reply;
  try {
    reply = language_->read_heartbeat(result, asked);
  } catch (const lock_error &strange) {
    return fail(loss_reason::backend_changed, strange.what());
  }
  if (reply.nonce != nonce_) return fail(loss_reason::backend_changed, "");
  if (reply.extension_appeared) {
    owner_.extension_appeared();
    return fail(loss_reason::extension_appeared, "");
  }
  if (!confirm(sent, now)) return;
  owner_.heartbeat_confirmed(*this, now - sent);
  lost = std::move(reply.lost);
}

void session::leave_to_heartbeats() {
  owner_.read_heartbeat(shared_from_this());
}

// The session lives, these locks are gone.
void session::lose(const std::vector<std::int64_t> &tokens) {
  std::vector<std::shared_ptr<grant>> gone;
  {
    const std::lock_guard guard(grants_access_);
    for (grant *g : grants_) {
      if (std::find(tokens.begin(), tokens.end(), g->token()) == tokens.end()) {
        continue;
      }
      if (auto alive = g->weak_from_this().lock()) {
        gone.push_back(std::move(alive));
      }
    }
    for (const auto &g : gone) remove_locked(*g);
  }
  // It was there at the heartbeat before this one.
  loss_info info = this->gone();
  info.others_may_run_since -=
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          owner_.heartbeat_period());
  for (auto &g : gone) owner_.lost_on_server(std::move(g), info);
}

boot_clock::time_point session::next_beat() const noexcept {
  return boot_clock::time_point(boot_clock::duration(last_beat_.load())) +
         owner_.heartbeat_period();
}

}  // namespace pg_exclusive::detail
