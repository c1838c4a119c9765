#include "session/grant.hpp"

#include <utility>

#include "client_core/client_core.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

request::request(grant &leaving) : request() {
  kind = request_kind::unlock;
  name = &leaving.name();
  mode = leaving.mode();
  token = leaving.token();
  releasing = &leaving;
}

grant::grant(std::shared_ptr<client_core> owner,
             std::shared_ptr<local_queue> where, lock_mode mode)
    : at(std::move(where)), owner_(std::move(owner)), mode_(mode) {}

const lock_name &grant::name() const noexcept { return at->name; }

grant::~grant() {
  if (session_) session_->remove(*this);
}

void grant::attach(std::shared_ptr<session> session) noexcept {
  session_ = std::move(session);
}

bool grant::held() const noexcept {
  return state_.load(std::memory_order_acquire) == held_ && session_->alive();
}

bool grant::mark_lost(const loss_info &info) {
  const std::lock_guard guard(access_);
  state expected = held_;
  if (!state_.compare_exchange_strong(expected, lost_)) return false;
  loss_ = info;
  return true;
}

bool grant::mark_released() noexcept {
  state expected = held_;
  const bool alive = session_->alive();
  return state_.compare_exchange_strong(expected, released_) && alive;
}

void grant::tell_lost() {
  std::optional<std::stop_source> stop;
  {
    const std::lock_guard guard(access_);
    stop = stop_;
  }
  if (stop) stop->request_stop();
}

std::stop_token grant::lost() {
  const std::lock_guard guard(access_);
  if (!stop_) {
    stop_.emplace();
    if (loss_) stop_->request_stop();
  }
  return stop_->get_token();
}

bool grant::mark_yield() {
  const std::lock_guard guard(access_);
  return !std::exchange(asked_to_yield_, true);
}

void grant::tell_yield() {
  std::optional<std::stop_source> stop;
  {
    const std::lock_guard guard(access_);
    stop = yield_;
  }
  if (stop) stop->request_stop();
}

std::stop_token grant::yield_requested() {
  const std::lock_guard guard(access_);
  if (!yield_) {
    yield_.emplace();
    if (asked_to_yield_) yield_->request_stop();
  }
  return yield_->get_token();
}

std::optional<loss_info> grant::loss() const {
  const std::lock_guard guard(access_);
  if (loss_) return loss_;
  if (state_.load(std::memory_order_acquire) == released_) return std::nullopt;
  if (session_->alive()) return std::nullopt;
  return session_->loss();
}

}  // namespace pg_exclusive::detail
