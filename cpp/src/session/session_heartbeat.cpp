// Heartbeats: is each lock still ours, and is it still the same backend?
//
// They ask the lock manager for each lock.  A mere sign of life would miss
// DISCARD ALL, pg_advisory_unlock_all() and a pooler that changed the backend.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "client_core/client_core.hpp"
#include "session/open_session.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

bool session::start_heartbeat() {
  {
    const std::lock_guard guard(access_);
    if (!alive()) return false;
    heartbeat_wanted_ = true;
    if (busy_) return false;
    busy_ = true;
  }
  return take_off({}) == bound_for::heartbeat;
}

bool session::carry_on() {
  PGconn *connection = connection_.get();
  if (PQconsumeInput(connection) == 1 && PQisBusy(connection) == 1) return true;
  land();
  hand_over();
  return false;
}

void session::land_heartbeat() {
  PGconn *connection = connection_.get();
  const auto result = pq::take_result(connection);
  if (const auto error = pq::error_of(connection, result.get())) {
    if (leases_) {
      fail_heartbeat(*error);
      return;
    }
    fail(forgets_us(*error) ? loss_reason::lock_gone
                            : loss_reason::connection_closed,
         error->what());
    return;
  }
  heartbeat_reply answer;
  try {
    answer = protocol_->read_heartbeat(result.get(), flight_.held);
  } catch (const std::runtime_error &strange) {
    disconnected(loss_reason::backend_changed, strange.what());
    return;
  }
  if (answer.nonce != nonce_) {
    fail(loss_reason::backend_changed, "");
    return;
  }
  if (answer.extension_appeared) {
    owner_.extension_appeared();
    fail(loss_reason::extension_appeared, "");
    return;
  }
  if (!confirm()) return;
  owner_.heartbeat_confirmed(*this, flight_.landed - flight_.at);
  if (!answer.lost.empty()) lose(answer.lost);
  if (!answer.asked.empty()) pass_on_requests(answer.asked);
}

// Leases live on until their deadline: it is tried again.
void session::fail_heartbeat(const lock_error &error) {
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
    disconnected(loss_reason::connection_closed, error.what());
  } else {
    beat_again();
  }
}

// In a moment, and not after a third of the lease.
void session::beat_again() {
  const auto due = boot_clock::now() + std::chrono::milliseconds(50);
  last_beat_ = (due - owner_.heartbeat_period()).time_since_epoch().count();
  owner_.wake_heartbeats();
}

// A new connection in the place of the broken one, on the same descriptor.
bool session::reconnect() {
  try {
    opened made = open_session(owner_, owner_.conninfo());
    owner_.watch().forget(*this);
    const int socket = PQsocket(made.connection.get());
    if (dup3(socket, socket_, O_CLOEXEC) < 0) {
      broken_by_ = "cannot duplicate a socket";
      return false;
    }
    libpqs_ = std::make_unique<parents_socket>(socket);
    ours_ = std::make_unique<parents_socket>(socket_);
    connection_ = std::move(made.connection);
  } catch (const std::runtime_error &error) {
    broken_by_ = error.what();
    return false;
  }
  broken_ = false;
  owner_.counters.connects.fetch_add(1, std::memory_order_relaxed);
  owner_.watch().add(shared_from_this());
  return true;
}

// Tells the holders that somebody wants their locks.
void session::pass_on_requests(const std::vector<std::int64_t> &tokens) {
  for (auto &g : grants()) {
    if (std::find(tokens.begin(), tokens.end(), g->token()) != tokens.end()) {
      owner_.yield_requested(std::move(g));
    }
  }
}

// The session lives, these locks are gone.
void session::lose(const std::vector<std::int64_t> &tokens) {
  std::vector<std::shared_ptr<grant>> gone;
  {
    const std::lock_guard guard(access_);
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
  for (auto &g : gone) {
    {
      const std::lock_guard guard(g->at->access);
      if (local_queue::server_grant *root = g->at->find(*g)) root->lost = true;
    }
    owner_.lost(std::move(g), info);
  }
}

boot_clock::time_point session::next_beat() const noexcept {
  return boot_clock::time_point(boot_clock::duration(last_beat_.load())) +
         owner_.heartbeat_period();
}

}  // namespace pg_exclusive::detail
