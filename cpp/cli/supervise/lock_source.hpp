// What supervising a command needs to know about a lock, and nothing more.
//
// The real one is a lock of PostgreSQL; tests supervise commands under a lock
// on a file, which shows the same life: it lasts as long as any process keeps
// the descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/message.hpp"
#include "process/boot_clock.hpp"

namespace pg_exclusive::cli {

/// A lock while it is held. Calls are safe from another thread, and do no I/O.
class held_lock {
 public:
  held_lock() = default;
  held_lock(const held_lock &) = delete;
  held_lock &operator=(const held_lock &) = delete;
  virtual ~held_lock() = default;

  /// The fencing token, if there is one.
  [[nodiscard]] virtual std::optional<std::int64_t> token() const = 0;
  /// The descriptor whose last copy keeps the lock; -1 for a lease.
  [[nodiscard]] virtual int socket() const = 0;
  /// Until when it is certainly held. Each answered heartbeat makes it later.
  /// Once the lock is lost this is in the past, at the latest boot_time::min().
  /// It is never `never`.
  [[nodiscard]] virtual boot_time deadline() const = 0;
  /// Stop is requested when the loss is known. The supervising processes do not
  /// depend on it, because they compare deadline() with the clock as well.
  [[nodiscard]] virtual std::stop_token lost() const = 0;
  /// Stop is requested when somebody asks for it.
  [[nodiscard]] virtual std::stop_token yield_requested() const { return {}; }
  /// What happened, when, and since when others may have it.
  [[nodiscard]] virtual std::string loss() const = 0;
};

/// How an attempt ended in which no command ran, or after which its own end is
/// not the whole truth.
struct verdict {
  int exit_code;
  message what;  ///< with an empty text: nothing to say
};

class lock_source {
 public:
  lock_source() = default;
  lock_source(const lock_source &) = delete;
  lock_source &operator=(const lock_source &) = delete;
  virtual ~lock_source() = default;

  /// Runs the command under the lock and tells whether it succeeded.
  using task = std::function<bool(held_lock &)>;

  /// Waits for the lock, calls `run` once it is held, and frees it after.
  /// Returns a verdict if the command did not run, or if what its end says
  /// must be overruled. `stop` ends a wait. Does not throw.
  virtual std::optional<verdict> acquire(std::stop_token stop,
                                         const task &run) = 0;
};

}  // namespace pg_exclusive::cli
