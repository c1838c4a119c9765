// The process that will be the command: it is forked before anything else
// exists, waits for the word, and becomes the command.
//
// Forked first, it has never seen a connection, a thread or a password. It
// waits in the front's process group, where the terminal's signals reach it
// like any command's. It starts only if the front says so and no signal that
// ends the tool has arrived until then: it looks itself, last thing before
// exec, at what is pending in both processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "process/shared_state.hpp"
#include "process/signals.hpp"

namespace pg_exclusive::cli {

/// The word that starts a command: a pipe whose writing end only the front
/// keeps, so that its death is the end of a command that was not started.
class start_gate {
 public:
  start_gate();

  /// For the front: starts the command.
  void open(std::optional<std::int64_t> token) const noexcept;
  /// For the command's process: false if nobody can open the gate any more.
  [[nodiscard]] bool wait(std::optional<std::int64_t> &token) noexcept;

  void keep_write_end() noexcept { read_.reset(); }
  void keep_nothing() noexcept {
    read_.reset();
    write_.reset();
  }

 private:
  unique_fd read_;
  unique_fd write_;
};

struct command_line {
  std::vector<std::string> arguments;  ///< the command and its arguments
  /// Added to the environment; PG_EXCLUSIVE_TOKEN comes with the start.
  std::vector<std::pair<std::string, std::string>> environment;
};

/// What the command's process needs to decide whether it may start.
struct command_context {
  const signal_plan &signals;
  shared_state &state;
  const unique_fd &front;  ///< its file /proc/PID/status
  const unique_fd &guard;
};

/// Exit codes of a command that could not be run, as the shell has them.
inline constexpr int exit_cannot_execute = 126;
inline constexpr int exit_not_found = 127;

/// Waits at the gate and becomes the command. Runs in a process of its own.
[[noreturn]] void become_command(start_gate &gate, const command_line &command,
                                 const command_context &context);

}  // namespace pg_exclusive::cli
