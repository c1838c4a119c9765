// Until when what a session holds is ours.
//
// Over is over: whoever sees the deadline pass ends the lease for good, so that
// a late heartbeat cannot bring back a lock that somebody was told is lost.
#pragma once

#include <atomic>
#include <cstdint>

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class lease {
 public:
  using time_point = boot_clock::time_point;

  // Is it still ours?  Free of I/O and locks.
  bool alive() noexcept { return alive_at(boot_clock::now()); }
  bool alive_at(time_point now) noexcept {
    std::int64_t until = until_.load(std::memory_order_acquire);
    while (until != over) {
      if (now.time_since_epoch().count() < until) return true;
      if (until_.compare_exchange_weak(until, over)) return false;
    }
    return false;
  }

  // Did somebody see its end?  Does not look at the clock.
  [[nodiscard]] bool ended() const noexcept {
    return until_.load(std::memory_order_acquire) == over;
  }

  // Moves the deadline on, never back; false when it has passed by `now`.
  bool extend(time_point to, time_point now = boot_clock::now()) noexcept {
    const std::int64_t wanted = to.time_since_epoch().count();
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t until = until_.load(std::memory_order_acquire);
    while (until != over) {
      const std::int64_t next = at >= until ? over : std::max(until, wanted);
      if (until_.compare_exchange_weak(until, next)) return next != over;
    }
    return false;
  }

  // Sets another deadline, also an earlier one; no effect when it is over.
  void set(time_point to) noexcept {
    std::int64_t until = until_.load(std::memory_order_acquire);
    while (until != over && !until_.compare_exchange_weak(
                                until, to.time_since_epoch().count())) {
    }
  }

  void end() noexcept { until_.store(over, std::memory_order_release); }

  // When it ends; the distant past when it has.
  [[nodiscard]] time_point deadline() const noexcept {
    const std::int64_t until = until_.load(std::memory_order_acquire);
    return until == over ? time_point::min()
                         : time_point(boot_clock::duration(until));
  }

 private:
  static constexpr std::int64_t over = INT64_MIN;
  // A session that waits for a lock has no deadline: it holds nothing.
  std::atomic<std::int64_t> until_{INT64_MAX};
};

}  // namespace pg_exclusive::detail
