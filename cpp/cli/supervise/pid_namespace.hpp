// A PID namespace for the command, and "init", its first process.
//
// When init ends, for whatever reason, the kernel kills all other processes of
// the namespace, and none of them can leave it. Init is also a third watcher.
// It has a duplicate of the lock's socket, and when front and guard are both
// gone, or both stuck, it ends the command first and itself, with that socket,
// after it. (To have the kernel kill init when its parent dies would be less:
// by then the dead have closed their sockets, and the lock is free.)
#pragma once

#include <sys/types.h>

#include <functional>
#include <stdexcept>

#include "base/unique_fd.hpp"
#include "process/channel.hpp"
#include "process/shared_state.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

/// Exit code when the system does not allow a namespace.
inline constexpr int exit_not_isolated = 78;

/// The system does not allow it; this has been said.
class not_isolated : public std::runtime_error {
 public:
  not_isolated() : std::runtime_error{"the command could not be isolated"} {}
};

/// The process that will be the command, and how it was forked.
struct forked_command {
  pid_t pid = 0;
  pid_t init = 0;   ///< the parent of both is the guard; 0: not isolated
  channel to_init;  ///< tells what becomes of the command
};

/// What init watches.
struct init_context {
  const unique_fd &front;  ///< pidfd
  const supervision &times;
  const shared_state &state;
};

/// Called in init, which must fork the command's process and keep nothing that
/// belongs to guard or front; returns the pid.
using fork_in_init = std::function<pid_t()>;

/// Forks init, and has it fork the command's process. For the guard, while it
/// has one thread. Throws not_isolated, or std::system_error.
forked_command fork_isolated(const init_context &context,
                             const fork_in_init &fork_command);

}  // namespace pg_exclusive::cli
