#include "session/grant.hpp"

#include "session/session.hpp"

namespace pg_exclusive::detail {

grant::grant(std::shared_ptr<client_core> owner,
             std::shared_ptr<local_queue> where, const lock_name &name,
             lock_mode mode)
    : at(std::move(where)),
      owner_(std::move(owner)),
      name_(name),
      mode_(mode) {}

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

std::optional<loss_info> grant::loss() const {
  const std::lock_guard guard(access_);
  if (loss_) return loss_;
  if (state_.load(std::memory_order_acquire) == released_) return std::nullopt;
  if (session_->alive()) return std::nullopt;
  return session_->loss();
}

unlock_request::unlock_request(grant &leaving) : request(request_kind::unlock) {
  name = &leaving.name();
  mode = leaving.mode();
  token = leaving.token();
  releasing = &leaving;
}

}  // namespace pg_exclusive::detail
