// A PID namespace for the command, and "init", its first process.
//
// When init ends, the kernel kills all other processes of the namespace, and
// none of them can leave it. Init is also a third watcher with a duplicate of
// the lock's socket. When front and guard have both died, or are both stuck,
// init ends the command first. Then it ends itself, which closes the socket.
// PR_SET_PDEATHSIG would not be enough. It acts when the other processes have
// already closed their sockets, and by then the lock is free.
#pragma once

#include <sys/types.h>

#include <functional>
#include <stdexcept>

#include "base/unique_fd.hpp"
#include "process/channel.hpp"
#include "process/shared_state.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

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
  const schedule &times;
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
