// Errors that several parts of the library make.
#pragma once

#include <optional>

#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/lock_name.hpp"

namespace pg_exclusive::detail {

// `error`, about the lock `name`.
lock_error with_name(const lock_error &error, std::optional<lock_name> name);

// What calls throw after client::close().
lock_error client_closed();

}  // namespace pg_exclusive::detail
