// How threads share the connection of a session.
//
// A request is sent when it is asked for, in libpq's pipeline mode.  So several
// batches are on their way at once, and the server answers them in order.  A
// batch is one statement and carries one request or many.  Requests wait in a
// queue, to be put together, only while as many batches are on their way as the
// server can use (see `room`).
//
// **Locking.** `access_` protects the queue, the batches on their way and the
// connection.  The connection does not block, so nothing waits under the lock.
// The lock of a session's grants and the locks of the watcher may be taken
// under it, never the other way round.
//
// **Reading.** At most one thread waits at the socket.  `reader_` says who:
//
//   nobody      nothing is on its way, or nothing that anybody waits for
//   caller      a thread whose own request is not answered yet.  The others
//               sleep on their requests.
//   heartbeats  the heartbeat thread.  Only heartbeats are on their way.
//   owner       a thread that has the connection to itself, to wait for a lock
//               or to close it.  Requests stay in the queue.
//
//   nobody -> caller          a thread sends a request
//   heartbeats -> caller      the same: it does not depend on that thread
//   caller -> caller          the reader has its answer and wakes the thread
//                             that asked for the oldest batch
//   caller -> heartbeats      the same, but only a heartbeat is left
//   nobody -> heartbeats      the heartbeat thread sends a heartbeat
//   caller, heartbeats -> nobody  nothing is left that anybody waits for
//   nobody -> owner -> …      own() and disown()
//
// So no call waits for a thread that has nothing of its own on the way.
//
// **Failure.** A session that has ended never lives again.  Its socket is shut
// down, the reader wakes up, and all requests get their error.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "pg_exclusive/clock.hpp"
#include "protocol/pq.hpp"
#include "protocol/protocol.hpp"
#include "protocol/request.hpp"
#include "session/trip_time.hpp"

namespace pg_exclusive::detail {

class session;

class batcher {
 public:
  // How many requests a batch has at most.
  static constexpr std::size_t max_batch = 128;
  // How many batches are on their way at most, and how many of them carry calls
  // that other threads could share.
  static constexpr std::size_t max_on_way = 256;
  static constexpr std::size_t max_room = 64;

  batcher(session &owner, pq::connection_ptr connection, protocol &language);
  batcher(const batcher &) = delete;
  batcher &operator=(const batcher &) = delete;
  ~batcher() = default;

  // Carries out the requests from `first` to `last`, linked by `next`, in this
  // order.  Returns when the last is answered, and with it all.
  void submit(request &first, request &last);
  // Sends a request and returns at once.  A few places are kept for the last of
  // many: with it everything that is still queued is sent, in large batches.
  void start(request &only, bool last);
  // Waits for a request that was started.
  void finish(request &only);

  // Sends a heartbeat.  Returns true when the heartbeat thread has to read the
  // answer, by calling `read_heartbeat` when the socket is readable.
  bool start_heartbeat();
  // Returns true when there is more to come.
  bool read_heartbeat();

  // Gives the connection to the calling thread, out of pipeline mode.  Returns
  // null when it is in use or the session has ended.
  PGconn *own();
  void disown();
  // Like `own`, for a session that has ended, to close the connection.
  bool own_dead();

  [[nodiscard]] PGconn *connection() const noexcept {
    return connection_.get();
  }
  void close() { connection_.reset(); }
  // Returns true when no thread uses the connection.
  [[nodiscard]] bool idle();

 private:
  enum class reader { nobody, caller, heartbeats, owner };

  // One statement on its way, and the answer as far as it is there.
  struct batch {
    request *first = nullptr;  // null for a heartbeat
    std::size_t size = 0;
    boot_clock::time_point sent;
    bool sole = false;  // nothing else was on its way
    pq::result_ptr answer;
  };

  // What a reader has to do without the lock.
  struct outcome_of_reading {
    request *answered = nullptr;  // threads to wake, linked by `next`
    request *last = nullptr;      // of these
    request *next_reader = nullptr;
    bool left_to_heartbeats = false;
    bool dead = false;  // the session has ended and nobody uses it
    std::vector<std::int64_t> lost;
  };

  // All of these with `access_` held.
  void queue(request &first, request &last, request *awaited);
  void send_queued(boot_clock::time_point now);
  void send_queued(boot_clock::time_point now, std::size_t room);
  void send_batch(boot_clock::time_point now);
  void send_heartbeat(boot_clock::time_point now);
  batch &on_way(std::size_t n) {
    return batches_[(oldest_ + n) % batches_.size()];
  }
  batch &add_batch(boot_clock::time_point now);
  void push(bool sent);
  void receive_and_send(outcome_of_reading &out);
  void receive(boot_clock::time_point now, outcome_of_reading &out);
  void land(batch &b, boot_clock::time_point now, outcome_of_reading &out);
  void read_answers(const batch &b, std::span<request *const> requests,
                    boot_clock::time_point now);
  void broken(const batch *b = nullptr);
  void answer(request &r, outcome_of_reading &out);
  void give_up(request &r);
  void give_up_all(outcome_of_reading &out);
  void pass_on(outcome_of_reading &out);
  [[nodiscard]] request *waiting_request();
  [[nodiscard]] bool unused() const;

  void read_until_answered(request &mine);
  void carry_out(outcome_of_reading &out);

  session &session_;
  protocol &protocol_;
  pq::connection_ptr connection_;

  std::mutex access_;
  // All of these under `access_`.
  reader reader_ = reader::nobody;
  const request *reading_ = nullptr;  // of the caller that reads
  request *first_ = nullptr;          // the queue
  request *last_ = nullptr;
  std::size_t waiting_ = 0;  // requests that are not answered yet
  std::array<batch, max_on_way + 1> batches_;
  std::size_t oldest_ = 0;
  std::size_t count_ = 0;
  bool heartbeat_wanted_ = false;
  bool heartbeat_on_way_ = false;
  std::vector<held_lock> asked_;  // by the heartbeat that is on its way
  trip_time trip_;

  // The socket did not take everything.  Written under `access_`.
  std::atomic<bool> unsent_{false};
};

}  // namespace pg_exclusive::detail
