#include "session/session_pool.hpp"

#include <algorithm>
#include <climits>

#include "client_core/client_core.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

session_ptr session_pool::best(const std::vector<session_ptr> &except,
                               int limit) const {
  session_ptr found;
  int least = limit;
  for (const auto &s : sessions_) {
    const int load = s->load.load(std::memory_order_relaxed);
    if (load >= least || !s->alive()) continue;
    if (std::find(except.begin(), except.end(), s) != except.end()) continue;
    found = s;
    least = load;
  }
  return found;
}

session_ptr session_pool::pick(const std::vector<session_ptr> &except,
                               boot_clock::time_point waits_since) {
  const auto &options = owner_.options();
  std::unique_lock lock(access_);
  for (;;) {
    if (closed_) throw owner_.closed_error();
    session_ptr s = best(except, options.holds_per_session);
    if (!s && live() + opening_ >= options.max_sessions) {
      s = best(except, INT_MAX);
    }
    if (s) {
      s->load.fetch_add(1, std::memory_order_relaxed);
      return s;
    }
    if (failure_ && waits_since <= failed_at_) {
      std::rethrow_exception(failure_);
    }
    if (opening_ > 0) {
      waits_since = std::min(waits_since, boot_clock::now());
      opened_.wait(lock);
      continue;
    }
    ++opening_;
    lock.unlock();
    try {
      s = open();
    } catch (...) {
      lock.lock();
      --opening_;
      failure_ = std::current_exception();
      failed_at_ = boot_clock::now();
      opened_.notify_all();
      throw;
    }
    lock.lock();
    --opening_;
    failure_ = nullptr;
    if (!closed_) sessions_.push_back(s);
    opened_.notify_all();
  }
}

std::ptrdiff_t session_pool::live() const {
  return std::count_if(sessions_.begin(), sessions_.end(),
                       [](const session_ptr &one) { return one->alive(); });
}

session_ptr session_pool::open() {
  const auto began = boot_clock::now();
  auto made = std::make_shared<session>(owner_, open_session(owner_));
  owner_.session_opened(made, boot_clock::now() - began);
  return made;
}

void session_pool::unload(session &s) noexcept {
  s.load.fetch_sub(1, std::memory_order_relaxed);
}

// A session that nobody uses, when there is another one for tries.
session_ptr session_pool::take_spare() {
  if (sessions_.size() < 2) return nullptr;
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if ((*at)->load != 0 || !(*at)->alive() || !(*at)->idle()) continue;
    session_ptr spare = *at;
    sessions_.erase(at);
    return spare;
  }
  return nullptr;
}

session_ptr session_pool::begin_wait() {
  {
    const std::lock_guard guard(access_);
    if (closed_) throw owner_.closed_error();
    if (waiting_ >= owner_.options().max_wait_sessions) return nullptr;
    ++waiting_;
    if (auto spare = take_spare()) return spare;
  }
  try {
    return open();
  } catch (...) {
    cancel_wait();
    throw;
  }
}

void session_pool::end_wait(const session_ptr &s, int holds) {
  const std::lock_guard guard(access_);
  --waiting_;
  waited_.notify_all();
  if (closed_ || !s->alive()) return;
  s->load = holds;
  sessions_.push_back(s);
}

void session_pool::cancel_wait() {
  const std::lock_guard guard(access_);
  --waiting_;
  waited_.notify_all();
}

bool session_pool::await_waits(boot_clock::time_point until) {
  std::unique_lock lock(access_);
  return waited_.wait_for(lock, until - boot_clock::now(),
                          [this] { return waiting_ == 0; });
}

std::vector<session_ptr> session_pool::all() const {
  const std::lock_guard guard(access_);
  return sessions_;
}

int session_pool::size() const {
  const std::lock_guard guard(access_);
  return static_cast<int>(sessions_.size()) + waiting_;
}

int session_pool::waiting() const {
  const std::lock_guard guard(access_);
  return waiting_;
}

void session_pool::drop(const session_ptr &s) {
  const std::lock_guard guard(access_);
  std::erase(sessions_, s);
}

bool session_pool::retire(const session_ptr &s) {
  const std::lock_guard guard(access_);
  if (sessions_.size() < 2 || s->load != 0) return false;
  if (s->idle_since() + owner_.options().lease > boot_clock::now())
    return false;
  return std::erase(sessions_, s) > 0;
}

std::vector<session_ptr> session_pool::close() {
  const std::lock_guard guard(access_);
  closed_ = true;
  opened_.notify_all();
  return std::move(sessions_);
}

}  // namespace pg_exclusive::detail
