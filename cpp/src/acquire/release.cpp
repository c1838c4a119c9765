#include "acquire/release.hpp"

#include "session/session.hpp"

namespace pg_exclusive::detail {

release::release(acquire_context &owner, grant &held) noexcept
    : owner_(owner), held_(held), request_(held) {
  if (!held.mark_released()) loss_ = held.loss().value_or(held.on().loss());
  owner_.counters.holds.fetch_sub(1, std::memory_order_relaxed);
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
  request_.next = &next;
  held_.on().submit(request_, next);
}

void release::send_after(request &previous) {
  sent_ = true;
  previous.next = &request_;
  held_.on().submit(previous, request_);
}

void release::start(bool last) noexcept {
  started_ = true;
  if (unsent()) {
    sent_ = true;
    held_.on().start(request_, last);
  }
  // From here on threads of this process may ask for the lock.  The server gets
  // their requests after the release, or refuses them for a moment.
  let_go();
}

std::optional<loss_info> release::end() noexcept {
  if (ended_) return std::nullopt;
  ended_ = true;
  session &s = held_.on();
  if (unsent()) {
    sent_ = true;
    s.submit(request_);
  } else if (started_ && sent_) {
    s.finish(request_);
  }
  if (sent_ && !request_.ok) loss_ = s.gone();
  // What cannot be released goes with the session.
  if (request_.error) {
    s.fail(loss_reason::connection_closed, request_.error->what());
  }
  if (!started_) let_go();
  return std::move(loss_);
}

void release::let_go() {
  session &s = held_.on();
  if (last_user_) {
    session_pool::unload(s);
  } else {
    s.remove(held_);
  }
  leave();
  if (!loss_ && owner_.options().on_event) {
    owner_.tell(event_kind::released, held_, boot_clock::now() - held_.since);
  }
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

}  // namespace pg_exclusive::detail
