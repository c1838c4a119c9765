// The front is the process that the shell or the service manager started.
//
// It has one thread and knows no database. It passes signals on to the
// command, decides whether the command starts, and keeps a duplicate of the
// lock's socket. When the guard dies or is stuck, the server's session lives on
// until the front has ended the command and closed the duplicate.
//
// Its states, and what leads from one to the next:
//
//   waiting     The guard waits for the lock. A signal leads to "cancelled",
//               the packet `granted` to "started".
//   cancelled   The command will not start. The guard has `guard_limit_` to
//               clean up.
//   started     The command runs. The front looks at the lock's deadline in
//               the shared page, which the guard renews.
//   tree ended  The packet `tree_ended` has come. No process of the command is
//               left, and the guard is releasing the lock.
//   over        `exit_code_` is set.
//
// From every state the front takes over when the guard dies or when
// `patience()` is over. It kills the guard, inherits the guard's children,
// because it is a subreaper, ends them, and only then closes the socket.
//
// Only this process writes its own members. The shared page is described in
// process/shared_state.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "process/channel.hpp"
#include "process/process_tree.hpp"
#include "process/shared_state.hpp"
#include "process/signals.hpp"
#include "process/timer.hpp"
#include "supervise/child.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

class front {
 public:
  struct context {
    channel to_guard;
    start_gate gate;
    pid_t guard;
    const signal_plan &signals;
    shared_state &state;
    schedule times;
    std::vector<process_id> earlier_children;
  };

  explicit front(context given);

  /// Waits for the end of it all; the tool's exit code. Does not return if
  /// the terminal's interrupt ended the command: then it ends this process
  /// too, as a shell expects of its job.
  int run();

 private:
  void wait_for_event();
  void on_packet(channel::received m);
  void on_grant(std::optional<std::int64_t> token);
  void on_ending_signals();
  void cancel(int number);
  void on_other_signals();
  void on_time();
  void on_guard_end(int status);
  void take_over(const std::string &why);
  [[nodiscard]] boot_time patience() const;

  context context_;
  signal_reader ending_signals_;
  signal_reader other_signals_;
  signal_forwarder forwarder_;
  timer timer_;

  pid_t command_ = 0;
  unique_fd command_pidfd_;
  unique_fd lock_socket_;
  bool started_ = false;
  bool cancelled_ = false;
  boot_time guard_limit_ = never;  ///< when a guard with nothing to do is stuck
  int terminal_signal_ = 0;
  std::optional<packet> tree_end_;
  std::optional<packet> end_;
  std::optional<int> exit_code_;
};

}  // namespace pg_exclusive::cli
