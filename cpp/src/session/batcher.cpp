// How threads share the connection of a session.
//
// One batch of requests is on its way at a time.  `busy_`, under `access_`,
// says whether a thread has the connection.  That thread alone touches it.
//
//   free       nothing is on its way.  The next thread that asks takes the
//              connection and sends its request.
//   on its way a thread reads the answers.  Requests of others are queued.
//   landed     the answers are there.  The reader first sends what was queued,
//              so that the server works while threads wake up.  Then it wakes
//              the threads that have an answer, and leaves the reading of the
//              new batch to one of the threads that are part of it.
//   ended      the lease is over.  All queued requests get their error, and the
//              holders are told before the connection is closed.
//
// So no call waits for a thread that has nothing of its own on the way.  A
// heartbeat that is due goes before queued requests.
#include <algorithm>
#include <stdexcept>

#include "client_core/client_core.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

void session::push(request *first, request &last) {
  last.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = first;
  last_ = &last;
  ++queued_;
}

request *session::pop() {
  request *c = first_;
  first_ = c->next;
  if (first_ == nullptr) last_ = nullptr;
  if (c->awaited == c) --queued_;
  return c;
}

// What the calling thread asks, linked by `next`.
void session::submit(request *first, request &last) {
  bound_for next = bound_for::nowhere;
  request *stranded = nullptr;
  bool leading = false;
  int turns = 0;
  {
    const std::lock_guard guard(access_);
    const bool over = lease_.ended();
    for (request *c = first; c != nullptr; c = c->next) {
      if (c->releasing != nullptr) remove_locked(*c->releasing);
      if (over) give_up(*c);
    }
    if (over) return;  // nobody serves the queue any more
    push(first, last);
    turns = flight_.size + queued_ >= crowd ? 2 : 0;
    leading = !busy_;
    busy_ = true;
    // At once: what gets aboard before us would have nobody to read it.
    if (leading) next = board_next({}, stranded);
  }
  if (leading) {
    if (set_off(next, stranded) == bound_for::nowhere) return;  // it just died
  } else if (last.await(turns) == request::done) {
    return;
  }
  lead(last);  // what carries it is on its way
}

// Reads what is on its way, until there is somebody else to do it or nothing.
// The thread's own call is among the first that are read.
void session::lead(const request &mine) {
  for (;;) {
    land();
    std::array<request *, max_batch> landed;
    const std::size_t size = flight_.size;
    std::copy_n(flight_.calls.begin(), size, landed.begin());
    const std::span calls(landed.data(), size);
    const bound_for next = take_off(calls);
    request *carrier =
        next == bound_for::server ? flight_.calls.front()->awaited : nullptr;
    for (request *c : calls) {
      if (c->awaited == c && c != &mine) c->notify(request::done);
    }
    // The other half of a pair that did not travel together is ours to read.
    if (next == bound_for::heartbeat || carrier == &mine) continue;
    if (carrier != nullptr) carrier->notify(request::lead);
    return;
  }
}

// Registers what was granted, then sends what is due next.
session::bound_for session::take_off(std::span<request *const> landed) {
  bound_for next = bound_for::nowhere;
  request *stranded = nullptr;
  {
    const std::lock_guard guard(access_);
    next = board_next(landed, stranded);
  }
  return set_off(next, stranded);
}

// With `access_` held.  `stranded`: who asked and will not be served.
session::bound_for session::board_next(std::span<request *const> landed,
                                       request *&stranded) {
  // Right after a good landing its time will do: it must only not be later than
  // what is sent next.
  flight_.at = !landed.empty() && flight_.landed > flight_.at
                   ? flight_.landed
                   : boot_clock::now();
  const bool alive = lease_.alive_at(flight_.at);
  settle(landed, alive);
  flight_.size = 0;
  flight_.heartbeat = false;
  if (!alive) {
    stranded = first_;
    first_ = last_ = nullptr;
    queued_ = 0;
    return bound_for::the_end;
  }
  if (heartbeat_wanted_) {
    board_heartbeat();
    return bound_for::heartbeat;
  }
  if (first_ != nullptr) {
    board();
    return bound_for::server;
  }
  busy_ = false;
  return bound_for::nowhere;
}

session::bound_for session::set_off(bound_for next, request *stranded) {
  if (next == bound_for::the_end) {
    close_lost();
    fail_queue(stranded);
    return bound_for::nowhere;
  }
  if (next != bound_for::nowhere) send();
  return next;
}

// Grants count from here; what came too late is none.
void session::settle(std::span<request *const> landed, bool in_time) {
  for (request *c : landed) {
    if (c->kind != request_kind::take || !c->ok) continue;
    if (in_time) {
      c->wanted->attach(shared_from_this());
      c->wanted->index = grants_.size();
      grants_.push_back(c->wanted.get());
      last_grant_ = c->sent.time_since_epoch().count();
    } else {
      give_up(*c);
    }
  }
}

void session::board() {
  while (first_ != nullptr && flight_.size < max_batch) {
    const bool alone = leases_ || first_->alone();
    if (alone && flight_.size > 0) break;
    // Not the last seat for the first of a pair.
    if (first_->awaited != first_ && flight_.size + 1 == max_batch) break;
    flight_.calls[flight_.size++] = pop();
    if (alone) break;
  }
}

void session::board_heartbeat() {
  heartbeat_wanted_ = false;
  flight_.heartbeat = true;
  flight_.held.clear();
  for (const grant *g : grants_) {
    flight_.held.push_back({g->token(), g->mode()});
    if (leases_) flight_.held.back().name = g->name();
  }
}

void session::send() {
  const std::span<request *const> calls(flight_.calls.data(), flight_.size);
  flight_.sent = false;
  if (flight_.heartbeat) last_beat_ = flight_.at.time_since_epoch().count();
  if (broken_ && !reconnect()) return;
  PGconn *connection = connection_.get();
  if (leases_) {
    answer_due_ =
        (boot_clock::now() + owner_.patience()).time_since_epoch().count();
    owner_.watch().rearm();
  }
  if (flight_.heartbeat) {
    flight_.sent = protocol_->send_heartbeat(connection, flight_.held);
  } else if (calls[0]->kind == request_kind::statement) {
    flight_.sent = true;  // it does all itself, when it lands
  } else {
    flight_.sent = protocol_->send(connection, calls);
  }
}

bool session::forgets_us(const lock_error &error) {
  return error.sqlstate() == "26000";
}

// Not even the server itself goes on after that.
bool session::is_wrong_shape(const lock_error &error) {
  return error.sqlstate() == "08P01";
}

// Somebody cancelled the statement, perhaps after it had taken a lock.
bool session::cancelled(const lock_error &error) {
  return error.sqlstate() == "57014";
}

// Reads the answers.  Afterwards every call has one.
void session::land() {
  const std::span<request *const> calls(flight_.calls.data(), flight_.size);
  if (!flight_.sent) {
    disconnected(loss_reason::connection_closed,
                 PQerrorMessage(connection_.get()));
    for (request *c : calls) answer_lost(*c);
  } else if (flight_.heartbeat) {
    land_heartbeat();
  } else if (calls[0]->kind == request_kind::statement) {
    land_statement(*calls[0]);
  } else {
    land_calls(calls);
  }
  answer_due_ = INT64_MAX;
  if (!lease_.ended()) return;
  for (request *c : calls) give_up(*c);
}

void session::land_calls(std::span<request *const> calls) {
  PGconn *connection = connection_.get();
  const auto result = pq::take_result(connection);
  for (request *c : calls) c->sent = flight_.at;
  try {
    if (PQtransactionStatus(connection) != PQTRANS_IDLE) {
      const auto error = pq::error_of(connection, result.get());
      if (error && is_wrong_shape(*error)) throw lock_error(*error);
      broken_by_ = PQerrorMessage(connection);
      disconnected(loss_reason::connection_closed, broken_by_);
      for (request *c : calls) answer_lost(*c);
      return;
    }
    protocol_->receive(connection, result.get(), calls);
  } catch (const lock_error &wrong) {
    fail(loss_reason::backend_changed, wrong.what());
    for (request *c : calls) give_up(*c, wrong);
    return;
  }
  for (const request *c : calls) {
    // What an error leaves behind of a lease ends with its statement.
    if (!c->error || leases_) continue;
    if (!forgets_us(*c->error) && !cancelled(*c->error)) continue;
    fail(forgets_us(*c->error) ? loss_reason::lock_gone
                               : loss_reason::connection_closed,
         c->error->what());
    return;
  }
  confirm();
  owner_.counters.round_trips.fetch_add(1, std::memory_order_relaxed);
  owner_.counters.calls.fetch_add(calls.size(), std::memory_order_relaxed);
  if (!protocol_->error_may_leave_lock()) return;
  for (const request *c : calls) {
    if (c->error && c->kind == request_kind::take) {
      fail(loss_reason::lock_gone, "an acquire on this session failed");
    }
  }
}

void session::land_statement(request &c) {
  try {
    c.sent = flight_.at;
    (*c.statement)(connection_.get());
    c.ok = true;
    confirm();
  } catch (const lock_error &error) {
    c.ok = false;
    c.error.emplace(error.what(), error.sqlstate(),
                    c.name == nullptr ? std::nullopt : std::optional(*c.name),
                    error.hint());
    if (is_wrong_shape(error)) {
      fail(loss_reason::backend_changed, error.what());
    }
  }
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
    disconnected(loss_reason::connection_closed,
                 PQerrorMessage(connection_.get()));
  }
}

// The connection of a session with leases broke before the answer came.
void session::answer_lost(request &c) const {
  if (!leases_) return;
  c.ok = false;
  c.unanswered = c.kind == request_kind::unlock;
  if (c.unanswered || c.error) return;
  c.error.emplace(
      "the connection broke before the answer came: " + broken_by_, "08006",
      c.name == nullptr ? std::nullopt : std::optional(*c.name),
      "If the lock was taken, it is free again when the lease is over.");
}

// Whoever asked when nothing can be had any more.
void session::give_up(request &c) { give_up(c, broken(std::nullopt)); }

void session::give_up(request &c, const lock_error &why) {
  c.ok = false;
  if (c.kind == request_kind::unlock || c.kind == request_kind::holds) return;
  if (c.error) return;
  c.error.emplace(why.what(), why.sqlstate(),
                  c.name == nullptr ? std::nullopt : std::optional(*c.name),
                  why.hint());
}

void session::fail_queue(request *first) {
  while (first != nullptr) {
    request *c = first;
    first = c->next;
    give_up(*c);
    if (c->awaited == c) c->notify(request::done);
  }
}

bool session::own() {
  const std::lock_guard guard(access_);
  if (busy_ || !alive()) return false;
  busy_ = true;
  return true;
}

void session::disown() { hand_over(); }

// Leaves the session to who is waiting for it, if anybody.
void session::hand_over() {
  for (;;) {
    const bound_for next = take_off({});
    if (next == bound_for::nowhere) return;
    if (next == bound_for::server) {
      flight_.calls.front()->awaited->notify(request::lead);
      return;
    }
    land();
  }
}

}  // namespace pg_exclusive::detail
