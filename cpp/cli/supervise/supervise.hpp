// Runs a command under a lock: builds the processes and waits for them.
#pragma once

#include <functional>
#include <memory>

#include "supervise/child.hpp"
#include "supervise/lock_source.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

/// Called in the guard, after the command's process was forked.
using make_lock_source = std::function<std::unique_ptr<lock_source>()>;

/// Runs the command under the lock that the source takes. The calling process
/// becomes the front and must have one thread. Returns the exit code: the
/// command's own, 128 + N if signal N ended it or came before the start, or
/// what the source says. Throws std::system_error if nothing could be set up.
int supervise(const command_line &command, const schedule &times,
              const make_lock_source &make_source);

}  // namespace pg_exclusive::cli
