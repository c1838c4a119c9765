#include "session/session_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <climits>

#include "base/errors.hpp"
#include "base/start_thread.hpp"
#include "session/open_session.hpp"
#include "session/session.hpp"
#include "session/session_context.hpp"

namespace pg_exclusive::detail {

session_ptr session_pool::best(
    const std::function<bool(const session_ptr &)> &excepted, int limit) const {
  session_ptr found;
  int least = limit;
  for (const auto &s : sessions_) {
    const int load = s->load.load(std::memory_order_relaxed);
    if (load >= least || !s->alive() || excepted(s)) continue;
    found = s;
    least = load;
  }
  return found;
}

session_ptr session_pool::pick(
    const std::function<bool(const session_ptr &)> &excepted,
    const caller_patience &patience, boot_clock::time_point waits_since) {
  const auto &options = owner_.options();
  std::unique_lock lock(access_);
  for (;;) {
    if (closed_) throw client_closed();
    session_ptr s = best(excepted, options.holds_per_session);
    if (!s && live() + (shared_ ? 1 : 0) >= options.max_sessions) {
      s = best(excepted, INT_MAX);
    }
    if (s) {
      s->load.fetch_add(1, std::memory_order_relaxed);
      return s;
    }
    if (failure_ && waits_since <= failed_at_) {
      std::rethrow_exception(failure_);
    }
    opening_ptr o = shared_;
    if (!o) {
      o = shared_ = std::make_shared<opening>();
      lock.unlock();
      start(o);
      lock.lock();
    }
    if (!await(lock, *o, patience)) return nullptr;
    if (o->failure) std::rethrow_exception(o->failure);
    // One that died at once: the next would too.
    if (!o->made->alive()) throw o->made->broken(std::nullopt);
  }
}

std::ptrdiff_t session_pool::live() const {
  return std::count_if(sessions_.begin(), sessions_.end(),
                       [](const session_ptr &one) { return one->alive(); });
}

// The connection string is asked for here: what its function starts must not
// inherit the signal mask of our threads.
void session_pool::start(const opening_ptr &o) {
  std::vector<opening_ptr> over;
  try {
    const std::string conninfo = owner_.conninfo();
    const std::lock_guard guard(access_);
    const auto rest =
        std::partition(openings_.begin(), openings_.end(),
                       [](const opening_ptr &one) { return !one->done; });
    over.assign(rest, openings_.end());
    openings_.erase(rest, openings_.end());
    openings_.push_back(o);
    o->thread = start_thread([this, o, conninfo] { run(o, conninfo); });
  } catch (...) {
    finish(o, nullptr, std::current_exception());
  }
  for (const auto &one : over) {
    if (one->thread.joinable()) one->thread.join();
  }
}

void session_pool::run(const opening_ptr &o, const std::string &conninfo) {
  pthread_setname_np(pthread_self(), "pgx-opener");
  try {
    const auto began = boot_clock::now();
    auto made =
        std::make_shared<session>(owner_, open_session(owner_, conninfo));
    owner_.session_opened(made, boot_clock::now() - began);
    finish(o, std::move(made), nullptr);
  } catch (...) {
    finish(o, nullptr, std::current_exception());
  }
}

void session_pool::finish(const opening_ptr &o, session_ptr made,
                          std::exception_ptr failure) {
  const std::lock_guard guard(access_);
  const bool for_all = o == shared_;
  if (for_all) {
    shared_.reset();
    failure_ = failure;
    failed_at_ = boot_clock::now();
  }
  if (made && !closed_ && (for_all || !o->wanted)) sessions_.push_back(made);
  o->made = std::move(made);
  o->failure = std::move(failure);
  o->done = true;
  opened_.notify_all();
}

// False: the caller's patience is over, or the client is closed.
bool session_pool::await(std::unique_lock<std::mutex> &lock, const opening &o,
                         const caller_patience &patience) {
  const auto over = [&] { return o.done || closed_; };
  for (;;) {
    const auto now = boot_clock::now();
    const auto rest = std::min<boot_clock::duration>(
        patience.until ? *patience.until - now : std::chrono::hours(1),
        std::chrono::hours(1));
    if (opened_.wait_for(lock, patience.stop, rest, over)) return o.done;
    if (patience.stop.stop_requested()) return false;
    if (patience.until && boot_clock::now() >= *patience.until) return false;
  }
}

void session_pool::join_openings() {
  std::vector<opening_ptr> all;
  {
    const std::lock_guard guard(access_);
    all.swap(openings_);
  }
  for (const auto &one : all) {
    if (one->thread.joinable()) one->thread.join();
  }
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

std::optional<session_ptr> session_pool::begin_wait(
    const caller_patience &patience) {
  std::unique_lock lock(access_);
  if (closed_) throw client_closed();
  if (waiting_ >= owner_.options().max_wait_sessions) return std::nullopt;
  ++waiting_;
  if (auto spare = take_spare()) return spare;
  const auto o = std::make_shared<opening>();
  lock.unlock();
  start(o);
  lock.lock();
  if (await(lock, *o, patience) && o->made && o->made->alive()) return o->made;
  o->wanted = false;
  --waiting_;
  waited_.notify_all();
  if (o->failure) std::rethrow_exception(o->failure);
  if (o->made) throw o->made->broken(std::nullopt);
  return nullptr;
}

void session_pool::end_wait(const session_ptr &s, int holds) {
  const std::lock_guard guard(access_);
  --waiting_;
  waited_.notify_all();
  if (closed_ || !s->alive()) return;
  s->load = holds;
  sessions_.push_back(s);
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
