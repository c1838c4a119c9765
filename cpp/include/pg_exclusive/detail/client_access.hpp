/// @file
/// What the header-only parts of the library need of a client.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pg_exclusive/client.hpp"

namespace pg_exclusive::detail {

struct PG_EXCLUSIVE_EXPORT client_access {
  /// The schema of the extension, quoted, as the last lock session found it.
  /// None without the extension.
  static std::optional<std::string> extension_schema(const client &locks);

  /// The core, for the other classes of the library.
  static const std::shared_ptr<client_core> &core_of(const client &locks) {
    return locks.core_;
  }
};

/// An error of the server as `lock_error`, from the text libpq makes of it:
/// `ERROR:  message`, then lines of `DETAIL:` and `HINT:`, in UTF-8.
[[nodiscard]] PG_EXCLUSIVE_EXPORT lock_error server_error(
    std::string_view text, std::string sqlstate, const lock_name &name);

/// Throws 22021 for a slot with a zero byte, which would be cut there.
PG_EXCLUSIVE_EXPORT void check_slot(std::string_view slot,
                                    const lock_name &name);

/// How to create the extension: the error when it is missing.
[[nodiscard]] PG_EXCLUSIVE_EXPORT lock_error
missing_extension(std::optional<lock_name> name);

}  // namespace pg_exclusive::detail
