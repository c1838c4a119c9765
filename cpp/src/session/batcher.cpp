#include "session/batcher.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "session/session.hpp"
#include "session/session_context.hpp"

namespace pg_exclusive::detail {
namespace {

// So many threads take about a round trip to have a turn each, on one core.
constexpr std::size_t many_threads = 16;

// The requests of a batch, as the protocol takes them.
class request_array {
 public:
  void add(request &r) { requests_[size_++] = &r; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<request *const> all() const {
    return {requests_.data(), size_};
  }

 private:
  std::array<request *, batcher::max_batch> requests_;
  std::size_t size_ = 0;
};

// DISCARD ALL has dropped the prepared statements, or another backend answers.
bool forgets_us(const lock_error &error) { return error.sqlstate() == "26000"; }

// Not even the server itself goes on after that.
bool is_wrong_shape(const lock_error &error) {
  return error.sqlstate() == "08P01";
}

// The statement was cancelled, perhaps after it had acquired a lock.
bool cancelled(const lock_error &error) { return error.sqlstate() == "57014"; }

}  // namespace

batcher::batcher(session &owner, pq::connection_ptr connection,
                 protocol &language)
    : session_(owner), protocol_(language), connection_(std::move(connection)) {
  PQenterPipelineMode(connection_.get());
  PQsetnonblocking(connection_.get(), 1);
}

void batcher::submit(request &first, request &last) {
  outcome_of_reading out;
  bool read = false;
  int turns = 0;
  {
    const std::lock_guard guard(access_);
    queue(first, last, &last);
    if (reader_ != reader::owner) send_queued(boot_clock::now());
    if (session_.ended()) give_up_all(out);
    if (!last.answered &&
        (reader_ == reader::nobody || reader_ == reader::heartbeats)) {
      reader_ = reader::caller;
      reading_ = &last;
      read = true;
    }
    turns = waiting_ >= many_threads ? 2 : 0;
  }
  carry_out(out);
  if (!read && last.await(turns) == request::done) return;
  read_until_answered(last);
}

void batcher::start(request &only, bool last) {
  outcome_of_reading out;
  {
    const std::lock_guard guard(access_);
    queue(only, only, nullptr);
    if (reader_ != reader::owner) {
      send_queued(boot_clock::now(), last ? max_on_way : max_on_way - 8);
    }
    if (session_.ended()) give_up_all(out);
  }
  carry_out(out);
}

void batcher::finish(request &only) {
  bool read = false;
  {
    const std::lock_guard guard(access_);
    if (only.answered) return;
    only.awaited = &only;
    if (reader_ == reader::nobody || reader_ == reader::heartbeats) {
      reader_ = reader::caller;
      reading_ = &only;
      read = true;
    }
  }
  if (!read && only.await(0) == request::done) return;
  read_until_answered(only);
}

void batcher::queue(request &first, request &last, request *awaited) {
  last.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &first;
  last_ = &last;
  for (request *r = &first; r != nullptr; r = r->next) {
    r->awaited = awaited;
    ++waiting_;
  }
}

void batcher::send_queued(boot_clock::time_point now) {
  send_queued(now, trip_.room(max_room));
}

// Sends what is queued while fewer than `room` batches are on their way.
void batcher::send_queued(boot_clock::time_point now, std::size_t room) {
  if (first_ == nullptr && !heartbeat_wanted_) return;
  if (!session_.lease().alive_at(now)) {
    session_.fail(loss_reason::lease_expired, "");
    return;
  }
  if (heartbeat_wanted_ && !heartbeat_on_way_) send_heartbeat(now);
  while (first_ != nullptr && count_ < max_on_way && !session_.ended() &&
         (count_ < room || first_->alone())) {
    send_batch(now);
  }
}

batcher::batch &batcher::add_batch(boot_clock::time_point now) {
  batch &b = on_way(count_);
  b.first = nullptr;
  b.size = 0;
  b.sent = now;
  b.sole = count_ == 0;
  b.answer.reset();
  ++count_;
  return b;
}

void batcher::send_batch(boot_clock::time_point now) {
  batch &b = add_batch(now);
  b.first = first_;
  request_array requests;
  request *last = nullptr;
  while (first_ != nullptr && requests.size() < max_batch) {
    if (first_->alone() && last != nullptr) break;
    last = first_;
    first_ = last->next;
    requests.add(*last);
    if (last->alone()) break;
  }
  last->next = nullptr;
  if (first_ == nullptr) last_ = nullptr;
  b.size = requests.size();
  push(protocol_.send(connection_.get(), requests.all()));
}

void batcher::send_heartbeat(boot_clock::time_point now) {
  heartbeat_wanted_ = false;
  heartbeat_on_way_ = true;
  asked_ = session_.held_locks();
  add_batch(now);
  session_.heartbeat_sent(now);
  push(protocol_.send_heartbeat(connection_.get(), asked_));
}

// Ends a batch and sends it, or as much as the socket takes now.
void batcher::push(bool sent) {
  if (!sent || PQpipelineSync(connection_.get()) != 1) {
    session_.fail(loss_reason::connection_closed,
                  PQerrorMessage(connection_.get()));
    return;
  }
  unsent_ = PQflush(connection_.get()) == 1;
}

void batcher::read_until_answered(request &mine) {
  for (bool done = false; !done;) {
    pollfd ready{session_.socket(), POLLIN, 0};
    if (unsent_) ready.events |= POLLOUT;
    poll(&ready, 1, -1);
    outcome_of_reading out;
    {
      const std::lock_guard guard(access_);
      receive_and_send(out);
      done = mine.answered;
      if (done) pass_on(out);
    }
    carry_out(out);
  }
}

// Everything that there is to do when the socket is ready.
void batcher::receive_and_send(outcome_of_reading &out) {
  if (!session_.ended()) {
    const auto now = boot_clock::now();
    receive(now, out);
    if (!session_.ended()) send_queued(now);
  }
  if (session_.ended()) give_up_all(out);
}

// Reads all answers that are complete.
void batcher::receive(boot_clock::time_point now, outcome_of_reading &out) {
  PGconn *connection = connection_.get();
  if (PQconsumeInput(connection) == 0) return broken();
  unsent_ = PQflush(connection) == 1;
  int nothing = 0;
  while (count_ > 0 && !session_.ended() && PQisBusy(connection) == 0) {
    batch &b = on_way(0);
    pq::result_ptr result(PQgetResult(connection));
    if (!result) {
      // One ends an answer.  More than that: libpq expects none.
      if (++nothing > 2) return broken();
      continue;
    }
    nothing = 0;
    if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) {
      const auto status = PQresultStatus(result.get());
      if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
          status == PGRES_COPY_BOTH) {
        // libpq would give the same result again and again.
        return session_.fail(loss_reason::backend_changed,
                             pq::wrong_shape().what());
      }
      // An error, once there, is what it was.
      if (!b.answer || PQresultStatus(b.answer.get()) != PGRES_FATAL_ERROR) {
        b.answer = std::move(result);
      }
      continue;
    }
    batch landed = std::move(b);
    oldest_ = (oldest_ + 1) % batches_.size();
    --count_;
    land(landed, now, out);
  }
}

void batcher::land(batch &b, boot_clock::time_point now,
                   outcome_of_reading &out) {
  trip_.add(now - b.sent, b.sole && b.size <= 1);
  if (b.first == nullptr) {
    heartbeat_on_way_ = false;
    session_.heartbeat_answered(connection_.get(), b.answer.get(), asked_,
                                b.sent, now, out.lost);
    return;
  }
  request_array requests;
  for (request *r = b.first; r != nullptr; r = r->next) requests.add(*r);
  read_answers(b, requests.all(), now);
  for (request *r : requests.all()) {
    const bool lost = r->kind == request_kind::take && r->ok &&
                      !session_.add_granted(*r, now);
    if (lost || session_.ended()) give_up(*r);
    answer(*r, out);
  }
}

// Fills in the answers.  Ends the session when they cannot be relied on.
void batcher::read_answers(const batch &b, std::span<request *const> requests,
                           boot_clock::time_point now) {
  PGconn *connection = connection_.get();
  for (request *r : requests) r->sent = b.sent;
  try {
    const auto error = pq::error_of(connection, b.answer.get());
    if (error && is_wrong_shape(*error)) throw lock_error(*error);
    if (count_ == 0 && PQtransactionStatus(connection) != PQTRANS_IDLE) {
      return broken(&b);
    }
    protocol_.receive(connection, b.answer.get(), requests);
  } catch (const lock_error &wrong) {
    session_.fail(loss_reason::backend_changed, wrong.what());
    for (request *r : requests) {
      if (r->kind != request_kind::unlock && r->kind != request_kind::holds) {
        r->fail(wrong);
      }
      r->ok = false;
    }
    return;
  }
  for (const request *r : requests) {
    if (!r->error) continue;
    if (forgets_us(*r->error)) {
      return session_.fail(loss_reason::lock_gone, r->error->what());
    }
    if (cancelled(*r->error) && r->kind == request_kind::take) {
      return session_.fail(loss_reason::connection_closed, r->error->what());
    }
  }
  if (!session_.confirm(b.sent, now)) return;
  session_.count_trip(requests.size());
  if (!protocol_.error_may_leave_lock()) return;
  for (const request *r : requests) {
    if (r->error && r->kind == request_kind::take) {
      session_.fail(loss_reason::lock_gone,
                    "an acquire on this session failed");
    }
  }
}

// The connection has ended, and perhaps said why.
void batcher::broken(const batch *b) {
  if (b == nullptr && count_ > 0) b = &on_way(0);
  const char *text = b != nullptr && b->answer
                         ? PQresultErrorMessage(b->answer.get())
                         : PQerrorMessage(connection_.get());
  session_.fail(loss_reason::connection_closed, text);
}

void batcher::answer(request &r, outcome_of_reading &out) {
  r.answered = true;
  --waiting_;
  // The reader looks for itself, and may be gone as soon as it has looked.
  if (r.awaited != &r || &r == reading_) return;
  r.next = nullptr;
  (out.last == nullptr ? out.answered : out.last->next) = &r;
  out.last = &r;
}

// For a request that cannot be carried out any more.
void batcher::give_up(request &r) {
  r.ok = false;
  if (r.kind == request_kind::unlock || r.kind == request_kind::holds) return;
  if (!r.error) r.error.emplace(session_.broken(r.optional_name()));
}

void batcher::give_up_all(outcome_of_reading &out) {
  const auto each = [&](request *r) {
    while (r != nullptr) {
      request &given_up = *r;
      r = r->next;
      give_up(given_up);
      answer(given_up, out);
    }
  };
  for (std::size_t n = 0; n < count_; ++n) each(on_way(n).first);
  count_ = 0;
  each(std::exchange(first_, nullptr));
  last_ = nullptr;
  heartbeat_on_way_ = heartbeat_wanted_ = false;
}

// The oldest request that a thread waits for.
request *batcher::waiting_request() {
  const auto find = [](request *r) {
    while (r != nullptr && r->awaited == nullptr) r = r->next;
    return r == nullptr ? nullptr : r->awaited;
  };
  for (std::size_t n = 0; n < count_; ++n) {
    if (request *found = find(on_way(n).first)) return found;
  }
  return find(first_);
}

// The calling thread no longer reads.
void batcher::pass_on(outcome_of_reading &out) {
  reading_ = nullptr;
  if (session_.ended()) {
    give_up_all(out);
    reader_ = reader::owner;  // of the closed connection, for ever
    out.dead = true;
  } else if (request *next = waiting_request()) {
    reader_ = reader::caller;
    reading_ = out.next_reader = next;
  } else if (heartbeat_on_way_) {
    reader_ = reader::heartbeats;
    out.left_to_heartbeats = true;
  } else {
    reader_ = reader::nobody;
  }
}

// Without the lock: wakes threads and calls what may take other locks.
void batcher::carry_out(outcome_of_reading &out) {
  if (out.next_reader != nullptr) out.next_reader->notify(request::read);
  for (request *r = out.answered; r != nullptr;) {
    request &answered = *r;
    r = r->next;
    answered.notify(request::done);
  }
  if (out.left_to_heartbeats) session_.leave_to_heartbeats();
  if (!out.lost.empty()) session_.lose(out.lost);
  if (out.dead) session_.close_lost();
}

bool batcher::start_heartbeat() {
  outcome_of_reading out;
  bool mine = false;
  {
    const std::lock_guard guard(access_);
    if (heartbeat_on_way_ || !session_.alive()) return false;
    heartbeat_wanted_ = true;
    if (reader_ == reader::owner) return false;
    send_queued(boot_clock::now());
    if (session_.ended()) give_up_all(out);
    if (heartbeat_on_way_ && reader_ == reader::nobody) {
      reader_ = reader::heartbeats;
    }
    mine = reader_ == reader::heartbeats;
  }
  carry_out(out);
  return mine;
}

bool batcher::read_heartbeat() {
  outcome_of_reading out;
  bool more = false;
  {
    const std::lock_guard guard(access_);
    if (reader_ != reader::heartbeats) return false;
    receive_and_send(out);
    more = heartbeat_on_way_;
    if (!more) pass_on(out);
  }
  carry_out(out);
  return more;
}

PGconn *batcher::own() {
  const std::lock_guard guard(access_);
  if (!unused() || !session_.alive()) return nullptr;
  if (PQexitPipelineMode(connection_.get()) != 1) return nullptr;
  PQsetnonblocking(connection_.get(), 0);
  reader_ = reader::owner;
  return connection_.get();
}

void batcher::disown() {
  outcome_of_reading out;
  {
    const std::lock_guard guard(access_);
    if (!session_.ended()) {
      if (PQenterPipelineMode(connection_.get()) != 1 ||
          PQsetnonblocking(connection_.get(), 1) != 0) {
        broken();
      }
      send_queued(boot_clock::now());
    }
    pass_on(out);
  }
  carry_out(out);
}

bool batcher::own_dead() {
  outcome_of_reading out;
  const std::lock_guard guard(access_);
  if (reader_ != reader::nobody || !session_.ended()) return false;
  reader_ = reader::owner;
  give_up_all(out);  // no thread waits for any of these yet
  return true;
}

bool batcher::idle() {
  const std::lock_guard guard(access_);
  return unused();
}

bool batcher::unused() const {
  return reader_ == reader::nobody && count_ == 0 && first_ == nullptr;
}

}  // namespace pg_exclusive::detail
