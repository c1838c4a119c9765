// One request to the server: what a thread asks, and what it is told.
//
// A request lives in the frame of the thread that waits for it and does not
// move.  Until it is answered it belongs to the batcher.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "base/errors.hpp"
#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/holder_info.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"

namespace pg_exclusive::detail {

class grant;

enum class request_kind {
  take,       // acquires the lock if it is free
  unlock,     // releases the grant with this token
  holds,      // asks whether the session still has the grant with this token
  begin_run,  // records that a run of `slot` begins
  finish_run  // records how the run of `slot` ended
};

struct request {
  explicit request(request_kind what) noexcept : kind(what) {
    sem_init(&wake_, 0, 0);
  }
  request(const request &) = delete;
  request &operator=(const request &) = delete;
  ~request() { sem_destroy(&wake_); }

  const request_kind kind;
  const lock_name *name = nullptr;
  lock_mode mode = lock_mode::exclusive;
  int permits = 0;  // take: a permit of a semaphore with so many, if not 0
  // unlock, holds: the grant that is meant.  take: the answer.
  std::int64_t token = 0;
  // take: becomes the grant.  The batcher registers it with the session when it
  // reads the answer, so that no heartbeat misses it.
  std::shared_ptr<grant> wanted;
  // unlock: heartbeats no longer ask for this grant once the request is queued.
  grant *releasing = nullptr;
  // begin_run, finish_run
  std::string_view slot;
  const once_options *run = nullptr;
  bool succeeded = false;

  // The answer.  `ok`: acquired, released, still held, may run.
  bool ok = false;
  std::optional<holder_info> holder;
  std::optional<lock_error> error;
  boot_clock::time_point sent;
  bool answered = false;  // under the batcher's lock

  request *next = nullptr;  // in a queue, a batch or a list of answers
  // The last of those that one thread asked together, where it waits.  Null
  // when no thread waits yet.
  request *awaited = this;

  // Returns true when the request cannot share a statement with others.
  [[nodiscard]] bool alone() const {
    return permits > 0 || kind == request_kind::begin_run ||
           kind == request_kind::finish_run;
  }
  [[nodiscard]] std::optional<lock_name> optional_name() const {
    return name == nullptr ? std::nullopt : std::optional(*name);
  }
  void fail(const lock_error &why) {
    ok = false;
    error.emplace(with_name(why, optional_name()));
  }

  // `read` tells the waiting thread to read answers, `done` that its own is
  // there.  After `done` the request may be gone.
  enum signal : std::uint32_t { none, read, done };
  void notify(signal what) noexcept {
    if (state_.exchange(what, std::memory_order_acq_rel) == asleep) {
      sem_post(&wake_);
    }
  }
  // With many threads on few cores the answer is often there after the other
  // threads have run for `turns` turns.  Sleeping and being woken costs twice
  // as much as that.  With few threads, spinning wastes CPU.
  signal await(int turns) noexcept {
    for (; turns > 0; --turns) {
      if (state_.load(std::memory_order_relaxed) != none) break;
      std::this_thread::yield();
    }
    std::uint32_t now = none;
    if (state_.compare_exchange_strong(now, asleep)) {
      while (sem_wait(&wake_) != 0) {  // a signal handler ran
      }
      now = state_.load(std::memory_order_acquire);
    }
    if (now == read) state_.store(none, std::memory_order_relaxed);
    return static_cast<signal>(now);
  }

 private:
  static constexpr std::uint32_t asleep = done + 1;
  std::atomic<std::uint32_t> state_{none};
  sem_t wake_;  // std::counting_semaphore yields before it sleeps
};

}  // namespace pg_exclusive::detail
