// One call to the server, on its way: what a thread asks, and what it is told.
#pragma once

#include <libpq-fe.h>
#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/holder_info.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"

namespace pg_exclusive::detail {

class grant;

enum class request_kind {
  take,      // a try without wait
  unlock,    // gives back the grant with this token
  holds,     // does the session still have the grant with this token?
  statement  // anything else, which travels alone
};

// Lives on the stack of the thread that waits for it, and stays where it is.
struct request {
  request() noexcept { sem_init(&wake_, 0, 0); }
  // Gives back `leaving`.
  explicit request(grant &leaving);
  request(const request &) = delete;
  request &operator=(const request &) = delete;
  ~request() { sem_destroy(&wake_); }

  request_kind kind = request_kind::take;
  const lock_name *name = nullptr;
  lock_mode mode = lock_mode::exclusive;
  int permits = 0;  // take: of a semaphore with so many, not of the lock
  std::int64_t token = 0;
  // take: what becomes the grant, registered with the session by whoever reads
  // the answer, so that no heartbeat misses it
  std::shared_ptr<grant> wanted;
  // statement: runs with the connection to itself
  const std::function<void(PGconn *)> *statement = nullptr;
  // unlock: no longer asked for by heartbeats, from the moment it is queued
  grant *releasing = nullptr;

  // The answer.  `ok`: taken, released, still held.
  bool ok = false;
  bool unanswered = false;  // unlock of a lease: the connection broke
  std::optional<holder_info> holder;
  std::optional<lock_error> error;
  boot_clock::time_point sent;

  request *next = nullptr;  // in the queue of a session
  // Of those that one thread queued together the last: where it waits.
  request *awaited = this;

  // It cannot share a statement with others.
  [[nodiscard]] bool alone() const {
    return kind == request_kind::statement || permits > 0;
  }

  // Tells the waiting thread that the answer is there, or that it has to carry
  // what is queued.  After `done` the call may be gone.
  enum signal : std::uint32_t { none, lead, done };
  void notify(signal what_now) noexcept {
    if (state_.exchange(what_now, std::memory_order_acq_rel) == asleep) {
      sem_post(&wake_);
    }
  }
  // With many threads on few cores the answer is there when the others have had
  // their turn (`turns`), and to sleep and be woken up costs twice as much as
  // to let them have it.  With few it costs the processor, on a busy machine.
  signal await(int turns) noexcept {
    for (; turns > 0; --turns) {
      if (state_.load(std::memory_order_relaxed) != none) break;
      std::this_thread::yield();
    }
    std::uint32_t now = none;
    if (state_.compare_exchange_strong(now, asleep)) {
      while (sem_wait(&wake_) != 0) {  // a signal came
      }
      now = state_.load(std::memory_order_acquire);
    }
    if (now == lead) state_.store(none, std::memory_order_relaxed);
    return static_cast<signal>(now);
  }

 private:
  static constexpr std::uint32_t asleep = done + 1;
  std::atomic<std::uint32_t> state_{none};
  sem_t wake_;  // std::counting_semaphore yields before it sleeps
};

}  // namespace pg_exclusive::detail
