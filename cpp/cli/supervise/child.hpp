// The child is the process that becomes the command.
//
// It is forked before anything else exists, so it has never seen a connection,
// a thread or a password. It waits in the front's process group, where the
// terminal's signals reach it like any command's. It starts only if the front
// says so and no signal that ends the tool has arrived until then. Immediately
// before exec it looks itself at the signals that are pending in both
// processes.
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

/// A pipe that starts the command. Only the front keeps the writing end, so a
/// command that was not started ends when the front dies.
class start_gate {
 public:
  start_gate();

  /// For the front: starts the command.
  void open(std::optional<std::int64_t> token) const noexcept;
  /// For the command's process. False if no process can open the gate any more.
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
struct child_context {
  const signal_plan &signals;
  shared_state &state;
  const unique_fd &front;  ///< its file /proc/PID/status
  const unique_fd &guard;
};

/// Waits at the gate and becomes the command. Runs in a process of its own.
[[noreturn]] void become_command(start_gate &gate, const command_line &command,
                                 const child_context &context);

}  // namespace pg_exclusive::cli
