// Which signals the tool passes on, and how it reads them.
//
// Front and guard block them all and read them from descriptors, so that no
// handler runs anywhere. A signal that was ignored when the tool was started
// (nohup, a background job of a script) stays ignored, and so the command
// ignores it too, as it would without the tool.
#pragma once

#include <sys/signalfd.h>
#include <sys/types.h>

#include <csignal>
#include <optional>

#include "base/unique_fd.hpp"

namespace pg_exclusive::cli {

/// What the tool does about signals, and what it found when it was started.
class signal_plan {
 public:
  /// Blocks what front and guard read from descriptors.
  static signal_plan install();

  /// Puts the mask and the handling of SIGCHLD back as they were found. For
  /// the command's process, before it becomes the command.
  void restore() const noexcept;

  /// Signals that end the tool when they come before the command was started.
  [[nodiscard]] const sigset_t &ending() const noexcept { return ending_; }
  /// Signals about stopping, going on, the size of the window, and children.
  [[nodiscard]] const sigset_t &other() const noexcept { return other_; }

 private:
  sigset_t found_{};
  sigset_t ending_{};
  sigset_t other_{};
  bool ignored_children_ = false;
};

/// Reads signals of one set as they come.
class signal_reader {
 public:
  explicit signal_reader(const sigset_t &signals);
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::optional<signalfd_siginfo> next() const noexcept;

 private:
  unique_fd fd_;
};

/// Did the kernel's terminal driver send it (to the whole group)?
[[nodiscard]] inline bool from_terminal(const signalfd_siginfo &info) {
  return info.ssi_code == SI_KERNEL;
}

/// Was it sent by a process (kill, sigqueue), this one aside?
[[nodiscard]] bool from_process(const signalfd_siginfo &info);

/// A signal of the set that is pending for the process whose file
/// /proc/PID/status this is, 0 if none. For a process that has ended this is
/// SIGTERM. @throws std::system_error when the file cannot be read.
[[nodiscard]] int pending_signal(const unique_fd &status_file,
                                 const sigset_t &signals);

/// Sends a signal to exactly that process; false if it could not be sent.
bool send_signal(const unique_fd &pidfd, int number) noexcept;

/// Ends this process as the signal would have, without a core file if the
/// signal makes one. The command has left its own.
[[noreturn]] void die_of(int number);

/// A descriptor for a process: exact where a pid can be used again.
[[nodiscard]] unique_fd open_pidfd(pid_t pid) noexcept;

/// Does this signal ask a program to end?
inline bool asks_to_end(int number) noexcept {
  return number == SIGTERM || number == SIGINT || number == SIGHUP ||
         number == SIGQUIT;
}

}  // namespace pg_exclusive::cli
