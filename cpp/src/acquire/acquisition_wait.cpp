// The part of an acquisition that waits: first for the threads of this process
// that came before, then in the server's queue.
#include <algorithm>
#include <random>

#include "acquire/acquisition.hpp"
#include "acquire/server_wait.hpp"
#include "base/errors.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

attempt acquisition::wait() {
  bool first = false;
  {
    const auto lock = enter();
    first = queue_->queue.empty();
  }
  if (first) {
    attempt now = try_now();
    if (now || now.outcome() == outcome::stopped) return now;
  }
  const wait_graph::edge edge(owner_.graph(), queue_);
  return stand_in_queue();
}

attempt acquisition::stand_in_queue() {
  waiter me{permits_ > 0 ? lock_mode::exclusive : options_.mode, {}};
  const auto wake = [&] {
    const auto lock = enter();
    me.wake.notify_one();
  };
  const std::stop_callback on_stop(options_.stop, wake);
  const std::stop_callback on_close(owner_.closing(), wake);
  struct place {
    acquisition &a;
    explicit place(acquisition &who, waiter &w) : a(who) {
      const auto lock = a.enter();
      a.me_ = &w;
      a.queue_->queue.push_back(&w);
    }
    ~place() {
      const auto lock = a.enter();
      a.queue_->queue.remove(a.me_);
      a.me_ = nullptr;
      a.queue_->wake();
    }
  };
  outcome why = outcome::timed_out;
  {
    const place in_queue(*this, me);
    for (bool waiting = true; waiting;) {
      auto lock = enter();
      switch (await_turn(lock)) {
        case turn::joined:
          // It may have died, or grown too old, since.
          if (local_queue::server_grant *root = queue_->joinable())
            return join(*root);
          break;
        case turn::ours:
          lock.unlock();
          if (auto answer = ask_in_turn()) return std::move(*answer);
          break;
        case turn::stopped:
          why = outcome::stopped;
          [[fallthrough]];
        case turn::timed_out:
          waiting = false;
      }
    }
  }
  return give_up(why);
}

acquisition::turn acquisition::await_turn(std::unique_lock<std::mutex> &lock) {
  for (;;) {
    if (stopped()) return turn::stopped;
    if (const auto rest = left(); rest && rest->count() == 0) {
      return turn::timed_out;
    }
    if (permits_ == 0 && options_.mode == lock_mode::shared &&
        !queue_->writer_waits(me_) && queue_->joinable() != nullptr &&
        queue_->conflict(lock_mode::shared) == nullptr) {
      return turn::joined;
    }
    if (queue_->queue.front() == me_) return turn::ours;
    sleep(lock);
  }
}

void acquisition::sleep(std::unique_lock<std::mutex> &lock,
                        std::optional<boot_clock::duration> at_most) {
  const auto rest = left();
  if (rest && (!at_most || *rest < *at_most)) at_most = *rest;
  if (at_most) {
    me_->wake.wait_for(lock, *at_most);
  } else {
    me_->wake.wait(lock);
  }
}

std::optional<attempt> acquisition::ask_in_turn() {
  const auto found = owner_.sessions().begin_wait(patience());
  if (!found) return poll_server();
  const session_ptr &s = *found;
  if (!s) return std::nullopt;
  owner_.counters.waits.fetch_add(1, std::memory_order_relaxed);
  return wait_on(s);
}

// All sessions that may wait do: try now and then, at no one else's pace.
std::optional<attempt> acquisition::poll_server() {
  owner_.counters.polled_waits.fetch_add(1, std::memory_order_relaxed);
  attempt now = try_now();
  if (now) return now;
  thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> pause(20, 80);
  auto lock = enter();
  if (!stopped()) sleep(lock, std::chrono::milliseconds(pause(random)));
  return std::nullopt;
}

namespace {

// Announces that a session is just being granted the lock of a queue.  From the
// moment when others can pick the session, until the grant is in the queue,
// they have to know, or they would ask the session for a lock that it has.
class arrival {
 public:
  arrival(local_queue &queue, session_ptr s) : queue_(queue), s_(std::move(s)) {
    const std::lock_guard guard(queue_.access);
    queue_.arriving.push_back(s_);
  }
  arrival(const arrival &) = delete;
  arrival &operator=(const arrival &) = delete;
  ~arrival() {
    const std::lock_guard guard(queue_.access);
    queue_.arriving.erase(
        std::find(queue_.arriving.begin(), queue_.arriving.end(), s_));
  }

 private:
  local_queue &queue_;
  const session_ptr s_;
};

// What the server said last is not what became of the wait: terminated or shut
// down, its session is gone.
lock_error broken_wait(const lock_error &error) {
  return {std::string("the lock session broke: ") + error.what(), "08006",
          error.name(), "Nothing is held.  A later call connects anew."};
}

}  // namespace

// Nothing: the session was dead already, or nothing came of it; look again.
std::optional<attempt> acquisition::wait_on(const session_ptr &s) {
  server_wait_end end;
  try {
    const session::ownership connection(*s);
    if (connection) {
      const wanted_lock lock{made_->name(), options_.mode, permits_};
      asked_server_ = true;
      end = wait_for_lock(*s, connection.get(), lock, left(), owner_.patience(),
                          options_.stop, owner_.closing());
      if (end.answer.error && PQstatus(connection.get()) != CONNECTION_OK) {
        end.answer.error.emplace(broken_wait(*end.answer.error));
      }
      accept(*s, connection.get(), end);
    }
  } catch (...) {
    s->lease().end();
    owner_.sessions().end_wait(s, 0);
    throw;
  }
  const arrival announced(*queue_, s);
  owner_.sessions().end_wait(s, end.answer.token ? 1 : 0);
  if (end.answer.error) throw lock_error(*end.answer.error);
  if (!end.answer.token) return std::nullopt;  // timed out, stopped
  confirm_if_late(end.sent);
  if (!await_local_losers()) {
    s->unlock(*made_);
    session_pool::unload(*s);
    return std::nullopt;
  }
  const auto lock = enter();
  return granted();
}

// Makes a session of holds of one that waited, or ends it: after an error the
// lock might have been granted all the same.
void acquisition::accept(session &s, PGconn *connection,
                         const server_wait_end &end) {
  const bool got_it = end.answer.token.has_value();
  if (PQtransactionStatus(connection) != PQTRANS_IDLE ||
      (!got_it && (end.answer.error || s.language().error_may_leave_lock()))) {
    s.lease().end();
    return;
  }
  // What took long does not count before it is confirmed again.
  const auto now = boot_clock::now();
  const bool late = now - end.sent >= owner_.heartbeat_period();
  s.end_at((late ? now : end.sent) + owner_.client_bound());
  if (!got_it) return;
  made_->granted(*end.answer.token);
  made_->attach(s.shared_from_this());
  s.add(*made_);
}

// The server knows only sessions.  When one of ours was lost, a thread here may
// still be at work under it: in one process we can wait for that.  False: the
// time is up before it has finished.
bool acquisition::await_local_losers() {
  auto lock = enter();
  while (queue_->conflict(options_.mode) != nullptr) {
    const auto rest = left();
    if (stopped() || (rest && rest->count() == 0)) return false;
    sleep(lock);
  }
  return true;
}

attempt acquisition::give_up(outcome why) {
  if (owner_.closing().stop_requested()) throw client_closed();
  if (why == outcome::stopped) return attempt(why);
  owner_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
  attempt last = try_now();  // also tells who has it
  if (last) return last;
  return attempt(why, last.refused_by());
}

std::optional<std::chrono::milliseconds> acquisition::left() const {
  if (!deadline_) return std::nullopt;
  return std::max(std::chrono::milliseconds(0),
                  std::chrono::ceil<std::chrono::milliseconds>(
                      *deadline_ - boot_clock::now()));
}

bool acquisition::stopped() const {
  return options_.stop.stop_requested() || owner_.closing().stop_requested();
}

}  // namespace pg_exclusive::detail
