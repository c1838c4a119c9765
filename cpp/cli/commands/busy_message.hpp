// What the tool says when a lock is busy.
#pragma once

#include <optional>

#include "base/message.hpp"
#include "pg_exclusive/holder_info.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/result.hpp"

namespace pg_exclusive::cli {

/// `busy: jobs/nightly held by backup@10.0.0.7 (pid 4711) for 00:12:03,
/// application "pg_exclusive@node7:815"`, as much of it as is known. The pid is
/// the server process. The application name of a holder that is `run` has its
/// host and its own pid.
[[nodiscard]] message busy_message(const lock_name &name, outcome why,
                                   const std::optional<holder_info> &holder);

}  // namespace pg_exclusive::cli
