// The guard: owns the lock, and is the parent of the command.
//
// Its rule: the lock goes only after the kernel has said that no process of
// the command is left. It never ends by a signal that can be caught; when it
// is killed, the front takes its place.
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "process/channel.hpp"
#include "process/shared_state.hpp"
#include "process/signals.hpp"
#include "supervise/lock_source.hpp"
#include "supervise/lock_thread.hpp"
#include "supervise/pid_namespace.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

/// Exit code of a command that was ended because its lock was lost.
inline constexpr int exit_lock_lost = 76;

class guard {
 public:
  struct context {
    channel to_front;
    unique_fd front;  ///< pidfd
    forked_command command;
    const signal_plan &signals;
    shared_state &state;
    supervision times;
  };

  guard(context given, lock_source &source);

  /// Supervises until lock and command are gone; the tool's exit code.
  int run();

 private:
  enum class phase {
    waiting,  ///< for the lock
    granted,  ///< the front decides whether the command starts
    running,
    over,  ///< no process of the command is left
  };
  /// How the command ended, or what is told in its place.
  struct outcome {
    int exit_code = 0;
    int signal = 0;
  };

  void wait_for_event();
  void on_message(const message &m);
  void on_signals();
  void on_front_death();
  void on_lock_event();
  void on_time();
  void on_grant(held_lock &hold);
  void reap_children();
  void on_child(int code, int status);
  void on_init(int code);
  void hear_init();
  void on_command_end(outcome result);

  void publish_deadline(const held_lock &hold);
  void abandon(int number);
  void decide(outcome result);
  void end_command(const std::string &why, std::optional<int> exit_code);
  [[nodiscard]] boot_time kill_limit(boot_time asked_at);
  [[nodiscard]] bool has_leftovers() const;
  void check_leftovers();
  void arm_timer();
  int settle();

  context context_;
  unique_fd command_;  ///< pidfd
  signal_reader ending_signals_;
  signal_reader other_signals_;
  signal_forwarder forwarder_;
  unique_fd timer_;
  lock_thread lock_;

  phase phase_ = phase::waiting;
  bool front_lives_ = true;
  bool command_lives_ = true;
  bool told_to_end_ = false;
  bool leftovers_told_ = false;
  int signal_to_forward_ = 0;  ///< came while the front was deciding
  bool decided_ = false;
  outcome outcome_;
};

}  // namespace pg_exclusive::cli
