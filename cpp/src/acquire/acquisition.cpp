#include "acquire/acquisition.hpp"

#include <algorithm>

#include "acquire/release.hpp"
#include "base/errors.hpp"
#include "pg_exclusive/detail/lockable.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

acquisition::acquisition(acquire_context &owner, const lock_name &name,
                         const lock_options &options, int permits, bool bound)
    : owner_(owner),
      options_(options),
      permits_(permits),
      began_(boot_clock::now()),
      queue_(owner.queue_of(name, permits)),
      made_(std::make_shared<grant>(owner.self(), queue_, queue_->name,
                                    options.mode)) {
  if (options.wait) deadline_ = began_ + to_wait(*options.wait);
  if (bound) made_->bound_to = std::this_thread::get_id();
}

attempt acquisition::try_now() {
  std::optional<asking> mine;
  {
    auto lock = enter();
    waits_since_ =
        queue_->asking ? boot_clock::now() : boot_clock::time_point::max();
    if (!await_other_try(lock)) {
      lock.unlock();
      return no_session();
    }
    if (auto answer = answer_here()) return std::move(*answer);
    mine.emplace(*queue_);
  }
  return ask();
}

// Returns false when the caller's patience is over before the other try is.
bool acquisition::await_other_try(std::unique_lock<std::mutex> &lock) {
  const auto over = [&] { return !queue_->asking; };
  const auto patience = this->patience();
  while (!over()) {
    const auto until =
        std::min(patience.until.value_or(boot_clock::time_point::max()),
                 boot_clock::now() + std::chrono::hours(1));
    queue_->asked.wait_for(lock, patience.stop, until - boot_clock::now(),
                           over);
    if (over()) return true;
    if (patience.stop.stop_requested()) return false;
    if (patience.until && boot_clock::now() >= *patience.until) return false;
  }
  return true;
}

bool acquisition::begin_alone() {
  auto lock = enter();
  // Threads that take several locks come here in the order of the ids, so they
  // do not wait for each other in a circle.
  if (!await_other_try(lock) || !queue_->queue.empty() ||
      queue_->conflict(options_.mode) != nullptr ||
      (options_.mode == lock_mode::shared && queue_->joinable() != nullptr)) {
    return false;
  }
  asking_.emplace(*queue_);
  return true;
}

void acquisition::fill(request &c) const {
  c.name = &made_->name();
  c.mode = options_.mode;
  c.permits = permits_;
  c.wanted = made_;
}

attempt acquisition::accepted(boot_clock::time_point sent) {
  confirm_if_late(sent);
  auto lock = enter();
  return granted();
}

// What needs no server: we have it, or a thread of ours is before us.
std::optional<attempt> acquisition::answer_here() {
  if (permits_ > 0) return std::nullopt;
  if (const local_queue::server_grant *root = queue_->conflict(options_.mode)) {
    owner_.counters.local_refusals.fetch_add(1, std::memory_order_relaxed);
    return refused(local_holder(*root));
  }
  if (options_.mode == lock_mode::exclusive) return std::nullopt;
  if (queue_->writer_waits(me_)) {
    owner_.counters.local_refusals.fetch_add(1, std::memory_order_relaxed);
    return refused(std::nullopt);
  }
  if (local_queue::server_grant *root = queue_->joinable()) return join(*root);
  return std::nullopt;
}

attempt acquisition::try_with_release(release &leaving) {
  leaving_ = &leaving;
  return try_now();
}

attempt acquisition::try_with(request &next) {
  next_ = &next;
  return try_now();
}

attempt acquisition::ask() {
  request c(request_kind::take);
  fill(c);
  const session_ptr s = carry(c);
  if (!s) return no_session();
  asked_server_ = true;
  if (!c.ok) session_pool::unload(*s);
  if (c.error) throw lock_error(*c.error);
  if (!c.ok) return refused(std::move(c.holder));
  return accepted(c.sent);
}

// A session cannot have a name twice.  One that is just being granted it is
// seen too, because it is announced before it can be picked.
bool acquisition::is_on(const session_ptr &s) {
  const auto lock = enter();
  return queue_->is_on(s);
}

// Sends `c`, on the session of a release where that is possible.  Returns null
// when no session was there in time.
session_ptr acquisition::carry(request &c) {
  session_ptr s = leaving_ == nullptr ? nullptr : leaving_->session_to_ask();
  if (s && !is_on(s)) {
    s->load.fetch_add(1, std::memory_order_relaxed);
    leaving_->send_with(c);
    return s;
  }
  s = owner_.sessions().pick(
      [this](const session_ptr &one) { return is_on(one); }, patience(),
      waits_since_);
  if (!s) return s;
  if (next_ == nullptr) {
    s->submit(c);
  } else {
    c.next = next_;
    s->submit(c, *next_);
  }
  return s;
}

// A caller that does not wait for the lock waits for a session all the same.
caller_patience acquisition::patience() const {
  const bool waits = !options_.wait || options_.wait->count() > 0;
  return {waits ? deadline_ : std::nullopt, options_.stop};
}

// The caller's patience was over before a session could be asked.
attempt acquisition::no_session() {
  if (owner_.closing().stop_requested()) throw client_closed();
  if (options_.stop.stop_requested()) return attempt(outcome::stopped);
  if (asked_server_) return attempt(outcome::timed_out);
  throw lock_error("no session could be opened within the wait", "08001",
                   made_->name());
}

// A grant that took long is old news: one heartbeat before it is reported.
void acquisition::confirm_if_late(boot_clock::time_point sent) {
  made_->since = boot_clock::now();
  if (made_->since - sent < owner_.heartbeat_period()) return;
  session &s = made_->on();
  request c(request_kind::holds);
  c.mode = options_.mode;
  c.token = made_->token();
  s.submit(c);
  made_->since = boot_clock::now();
  if (c.ok) return;
  // Whether we have it is not known, and nobody would give it back.
  if (c.error) s.fail(loss_reason::connection_closed, c.error->what());
  s.remove(*made_);
  session_pool::unload(s);
  throw s.broken(made_->name());
}

attempt acquisition::granted() {
  queue_->add(*made_);
  if (made_->bound_to) queue_->owners.push_back(*made_->bound_to);
  owner_.counters.grants.fetch_add(1, std::memory_order_relaxed);
  owner_.counters.holds.fetch_add(1, std::memory_order_relaxed);
  owner_.tell(event_kind::granted, *made_, made_->since - began_);
  return attempt(std::in_place, made_);
}

attempt acquisition::join(local_queue::server_grant &root) {
  ++root.users;
  made_->granted(root.token);
  made_->attach(root.on);
  made_->since = boot_clock::now();
  root.on->add(*made_);
  if (made_->bound_to) queue_->owners.push_back(*made_->bound_to);
  owner_.counters.shared_joins.fetch_add(1, std::memory_order_relaxed);
  owner_.counters.holds.fetch_add(1, std::memory_order_relaxed);
  return attempt(std::in_place, made_);
}

attempt acquisition::refused(std::optional<holder_info> holder) {
  owner_.counters.refusals.fetch_add(1, std::memory_order_relaxed);
  return attempt(outcome::busy, std::move(holder));
}

holder_info acquisition::local_holder(const local_queue::server_grant &root) {
  holder_info holder;
  holder.pid = root.on->backend_pid();
  holder.role = root.on->role();
  holder.application_name = root.on->application_name();
  holder.acquired_at = to_system(root.since);
  holder.this_client = true;
  return holder;
}

}  // namespace pg_exclusive::detail
