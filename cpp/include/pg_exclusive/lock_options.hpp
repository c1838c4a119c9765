/// @file
/// Options of single calls.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

namespace pg_exclusive {

/// Who else may have the lock at the same time.
enum class lock_mode {
  exclusive,  ///< nobody
  shared      ///< others that ask for `shared`
};

/// Options of calls that do not wait.
struct try_options {
  /// Who else may have it at the same time.
  lock_mode mode = lock_mode::exclusive;
};

/// Options of calls that wait: `{.wait = 5s, .stop = token}`.
struct lock_options {
  /// How long to wait; none: without limit.  Zero or less: do not wait.  More
  /// than a year is a year.
  std::optional<std::chrono::milliseconds> wait = std::nullopt;
  /// Ends the wait when a stop is requested.  A stopped wait leaves nothing
  /// queued and nothing granted on the server.
  std::stop_token stop = {};
  /// Who else may have it at the same time.
  lock_mode mode = lock_mode::exclusive;
};

/// What becomes of a slot whose run began and never ended, because its node
/// crashed or lost the lock.
enum class on_crash {
  retry,  ///< run it again: at least once
  skip    ///< not again; a period (`every`) is spent, the next is not: at most
          ///< once
};

/// Options of `client::try_run_once`.
struct once_options {
  /// What becomes of a run that never ended.
  pg_exclusive::on_crash on_crash = pg_exclusive::on_crash::retry;
  /// When set, periods count and not slots.  There is no run when a successful
  /// one of this lock, with a period, started less than half of this ago, on
  /// the database's clock.  Half, because the timers of two nodes never fire at
  /// the same instant.
  std::optional<std::chrono::milliseconds> every = std::nullopt;
  /// All of the period counts, not half of it.
  bool exact = false;
};

}  // namespace pg_exclusive
