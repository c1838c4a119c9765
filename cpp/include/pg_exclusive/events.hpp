/// @file
/// What a client tells its event hook.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/export.hpp"
#include "pg_exclusive/lock_name.hpp"

namespace pg_exclusive {

/// What happened.
enum class event_kind {
  granted,             ///< a lock was granted; `took`: since it was asked for
  released,            ///< a lock was given back; `took`: since it was granted
  lost,                ///< a lock was lost; `loss` says how
  slow_heartbeat,      ///< a heartbeat took more than a third of its time
  session_opened,      ///< a lock session was opened; `took`: to connect
  session_closed,      ///< a lock session ended; `detail` says why
  extension_appeared,  ///< the extension was installed while we lived without
  yield_requested      ///< somebody asked for the lock, with `request_lock()`
};

/// A word for it: `granted`, `released`, …
[[nodiscard]] PG_EXCLUSIVE_EXPORT const char *to_string(
    event_kind kind) noexcept;

/// One event, for logs and metrics.
struct event {
  event_kind kind = event_kind::granted;  ///< what happened
  /// for granted, released, lost, yield_requested
  std::optional<lock_name> name;
  /// for granted, released, lost, yield_requested
  std::optional<std::int64_t> token;
  std::optional<loss_info> loss;      ///< for lost
  std::chrono::microseconds took{0};  ///< how long, see the kind
  int backend_pid = 0;                ///< of the session it is about
  std::string detail;                 ///< more words, where there are
};

}  // namespace pg_exclusive
