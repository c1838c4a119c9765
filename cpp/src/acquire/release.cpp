#include "acquire/release.hpp"

#include "session/session.hpp"

namespace pg_exclusive::detail {

release::release(grant &held) noexcept : held_(held), request_(held) {
  if (!held.mark_released()) loss_ = held.loss().value_or(held.on().loss());
  held.owner().counters.holds.fetch_sub(1, std::memory_order_relaxed);
  last_user_ = is_last_user();
}

// Among shared holds on one grant: does the server have to know?
bool release::is_last_user() {
  if (held_.mode() == lock_mode::exclusive) return true;
  const std::lock_guard guard(held_.at->access);
  local_queue::server_grant *root = held_.at->find(held_);
  if (root == nullptr) return true;
  if (root->users > 1) {
    --root->users;
    return false;
  }
  root->leaving = true;
  return true;
}

session_ptr release::session_to_ask() const {
  return unsent() ? held_.shared_session() : nullptr;
}

void release::send_with(request &next) {
  sent_ = true;
  held_.on().submit(request_, next);
}

std::optional<loss_info> release::end() noexcept {
  if (ended_) return std::nullopt;
  ended_ = true;
  session &s = held_.on();
  if (unsent()) {
    sent_ = true;
    s.submit(request_);
  }
  if (request_.unanswered) release_again();
  if (sent_ && !request_.ok) loss_ = s.gone();
  // What cannot be given back goes with the session.
  if (request_.error) {
    s.fail(loss_reason::connection_closed, request_.error->what());
  }
  if (last_user_) {
    session_pool::unload(s);
  } else {
    s.remove(held_);
  }
  leave();
  if (!loss_) tell_released();
  return std::move(loss_);
}

// The connection broke before a lease was released.  It may be back in a
// moment. If not, nobody renews the lease, so it is over when its time is.
void release::release_again() {
  session &s = held_.on();
  const auto until = boot_clock::now() + std::chrono::seconds(1);
  for (bool answered = false;
       !answered && s.alive() && boot_clock::now() < until;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    request again(held_);
    s.submit(again);
    answered = !again.unanswered;
  }
  request_.ok = true;
}

// The threads of this process may go on.
void release::leave() {
  local_queue &g = *held_.at;
  const std::lock_guard guard(g.access);
  if (const local_queue::server_grant *root = g.find(held_);
      root != nullptr &&
      (root->leaving || root->mode == lock_mode::exclusive)) {
    g.server_grants.erase(g.server_grants.begin() +
                          (root - g.server_grants.data()));
  }
  g.forget_owner(held_);
  g.wake();
}

void release::tell_released() {
  const client_core &owner = held_.owner();
  if (!owner.options().on_event) return;
  event what;
  what.kind = event_kind::released;
  what.name = held_.name();
  if (held_.on().has_tokens()) what.token = held_.token();
  what.took = std::chrono::duration_cast<std::chrono::microseconds>(
      boot_clock::now() - held_.since);
  what.backend_pid = held_.on().backend_pid();
  owner.tell(std::move(what));
}

}  // namespace pg_exclusive::detail
