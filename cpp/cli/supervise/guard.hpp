// The guard owns the lock and is the parent of the command.
//
// The lock is released only after the kernel has reported that no process of
// the command is left. No signal that can be caught ends the guard. When it is
// killed, the front takes its place.
//
// Threads. The event loop runs in the main thread and never does I/O with the
// database. A second thread, `lock_thread`, runs the lock source, which waits
// for the lock and releases it. The client library has threads of its own for
// heartbeats. The event loop and `lock_thread` meet in two ways. `lock_thread`
// makes its event descriptor readable after each change, and the loop calls
// `stop()` and `finish()`.
//
// States (`phase`). Only the event loop changes them.
//
//   waiting   `lock_thread` waits for the lock. The command's process exists
//             and waits at its gate. A grant leads to "granted", and a signal,
//             a refusal or the end of the front to "over".
//   granted   The lock is held. The front decides whether the command starts.
//             Its packet `started` leads to "running", `cancel` to "over".
//   running   The command runs, or processes that it left behind.
//   over      The kernel has reported that no child is left (ECHILD).
//             `settle()` releases the lock and tells the front.
//
// From "granted" and "running", `end_command()` leads to "over". It is called
// when the lock is lost, when `schedule::terminate_at()` is reached without an
// answered heartbeat, and when the front dies.
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "process/channel.hpp"
#include "process/shared_state.hpp"
#include "process/signals.hpp"
#include "process/timer.hpp"
#include "supervise/lock_source.hpp"
#include "supervise/lock_thread.hpp"
#include "supervise/pid_namespace.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

class guard {
 public:
  struct context {
    channel to_front;
    unique_fd front;                ///< pidfd
    const unique_fd &front_status;  ///< its file /proc/PID/status
    forked_command command;
    const signal_plan &signals;
    shared_state &state;
    schedule times;
  };

  guard(context given, lock_source &source);

  /// Supervises until lock and command are gone; the tool's exit code.
  int run();

 private:
  enum class phase {
    waiting,
    granted,
    running,
    over,
  };
  /// How the command ended, or what is told in its place.
  struct outcome {
    int exit_code = 0;
    int signal = 0;
  };

  void wait_for_event();
  void on_packet(const packet &m);
  void on_signals();
  void on_front_death();
  void on_lock_event();
  void on_time();
  void on_grant(held_lock &hold);
  void check_hold(const held_lock &hold);
  void reap_children();
  void on_child(int code, int status);
  void on_init(int code);
  void hear_init();
  void on_command_end(outcome result);

  void abandon(int number);
  void decide(outcome result);
  void end_command(const std::string &why, std::optional<int> exit_code);
  [[nodiscard]] boot_time kill_limit(boot_time asked_at);
  /// The child that is known by its pid, see end_tree_plan.
  [[nodiscard]] pid_t child() const {
    return context_.command.init != 0 ? context_.command.init
                                      : context_.command.pid;
  }
  [[nodiscard]] bool end_was_asked() const;
  [[nodiscard]] bool has_leftovers() const;
  void check_leftovers();
  void check_yield(const held_lock &hold);
  void arm_timer() const;
  int settle();
  void report_end() const;

  context context_;
  unique_fd command_;  ///< pidfd
  signal_reader ending_signals_;
  signal_reader other_signals_;
  signal_forwarder forwarder_;
  timer timer_;
  lock_thread lock_;

  phase phase_ = phase::waiting;
  bool granted_ = false;  ///< the lock was held at some time
  bool front_lives_ = true;
  bool command_lives_ = true;
  bool told_to_end_ = false;
  bool leftovers_told_ = false;
  bool yielding_ = false;
  int signal_to_forward_ = 0;  ///< came while the front was deciding
  bool decided_ = false;
  outcome outcome_;
};

}  // namespace pg_exclusive::cli
