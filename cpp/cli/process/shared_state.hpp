// The page of memory that the tool's processes share.
//
// Every field is an atomic that one side writes and the other reads. None of
// them is a lock, so a process that dies or stops anywhere blocks no other.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

#include "base/unique_fd.hpp"
#include "process/boot_clock.hpp"

namespace pg_exclusive::cli {

/// Who passed a signal on last, and when. A service manager signals every
/// process of a unit, so both processes may get the same signal. The command
/// gets it once.
struct forwarded_signal {
  std::atomic<std::int64_t> at{0};
  std::atomic<pid_t> by{0};
};

struct shared_state {
  /// Until when the lock is certainly held. 0 while no deadline applies: before
  /// the grant, and while a lost lock's command is being ended.
  std::atomic<std::int64_t> deadline{0};
  /// Until when the front leaves the guard alone while the guard ends the
  /// command's processes. The guard moves it on. 0 before that.
  std::atomic<std::int64_t> ending_until{0};
  /// A signal that ends the tool has arrived. This is set before the signal is
  /// taken from the queue of pending signals. So a reader that looks at that
  /// queue first and here second misses none.
  std::atomic<bool> signal_arrived{false};
  /// Its number, set just after.
  std::atomic<int> first_signal{0};
  std::array<forwarded_signal, 65> forwarded{};

  static void set(std::atomic<std::int64_t> &field, boot_time t) noexcept {
    field.store(t == never ? 0 : t.time_since_epoch().count());
  }
  static boot_time get(const std::atomic<std::int64_t> &field) noexcept {
    const auto t = field.load();
    return t == 0 ? never : boot_time{std::chrono::nanoseconds{t}};
  }
  void note_signal(int number) noexcept {
    int none = 0;
    first_signal.compare_exchange_strong(none, number);
  }
};

static_assert(std::atomic<std::int64_t>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);

struct unmap_shared_state {
  void operator()(shared_state *state) const noexcept {
    munmap(state, sizeof(shared_state));
  }
};
using shared_state_ptr = std::unique_ptr<shared_state, unmap_shared_state>;

/// Memory that forked processes see together.
inline shared_state_ptr make_shared_state() {
  void *page = mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    check_errno(-1, "could not map shared memory");
  }
  return shared_state_ptr{new (page) shared_state};
}

}  // namespace pg_exclusive::cli
