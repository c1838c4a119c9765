/// @file
/// A counting semaphore over all nodes.
#pragma once

#include <chrono>

#include "pg_exclusive/client.hpp"

namespace pg_exclusive {

/// At most so many holders at the same time, over all processes on all nodes.
///
/// Spelled like `std::counting_semaphore`, but a permit is a `hold`: it is
/// given back when it goes, it is lost when its session is, and it knows.
///
/// **Thread safety.** All threads may call it.
///
/// **When the connection dies**, its permits are free again, and their holds
/// say that they are lost.
///
/// @snippet examples/semaphore.cpp semaphore
class PG_EXCLUSIVE_EXPORT semaphore {
 public:
  /// `permits` is 1 to 8,000; everybody has to give the same number.
  /// @throws lock_error 22023 for a number out of bounds, 0A000 without the
  /// extension.
  semaphore(client locks, lock_name name, int permits);

  /// Takes a permit if one is free.
  /// @throws lock_error 55006 when others use the name with another number of
  /// permits, or as a lock.
  result<hold> try_acquire();

  /// Takes a permit, waiting for one no longer than `options.wait`. It must be
  /// given: the server's deadlock detection does not see who waits for permits.
  /// @throws lock_error 22023 without a limit, or with one of 2^31 ms or more;
  /// 55006 as `try_acquire`.
  result<hold> acquire(const lock_options &options);

  /// How many permits there are.
  [[nodiscard]] int permits() const noexcept { return permits_; }
  /// What it guards.
  [[nodiscard]] const lock_name &name() const noexcept { return name_; }

 private:
  client client_;
  lock_name name_;
  int permits_;
};

}  // namespace pg_exclusive
