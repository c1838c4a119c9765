/// @file
/// Who has a lock.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "pg_exclusive/export.hpp"

namespace pg_exclusive {

/// Who has the lock that was refused, from the same round trip as the refusal.
/// What the current role may not see, and what nobody knows, is empty.
struct holder_info {
  int pid = 0;                   ///< its backend; 0: unknown, or a lease
  std::string role;              ///< the role it acts as
  std::string application_name;  ///< as the holder set it
  std::string client_addr;       ///< empty on a Unix socket
  /// when it was granted, on the server's clock
  std::optional<std::chrono::system_clock::time_point> acquired_at;
  /// a thread of this very client has it
  bool this_client = false;

  /// `role@addr (pid 4711, application) since 2026-11-23 01:15:00Z`, for
  /// people.
  [[nodiscard]] PG_EXCLUSIVE_EXPORT std::string to_string() const;
};

}  // namespace pg_exclusive
