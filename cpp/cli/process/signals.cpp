#include "process/signals.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <sstream>
#include <string>

#include "process/proc_file.hpp"

namespace pg_exclusive::cli {

namespace {

constexpr std::array ending_signals{SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                    SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM};
constexpr std::array other_signals{SIGCHLD, SIGCONT, SIGTSTP,
                                   SIGTTIN, SIGTTOU, SIGWINCH};

bool is_ignored(int number) {
  struct sigaction action {};
  sigaction(number, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

signal_plan signal_plan::install() {
  signal_plan plan;
  sigemptyset(&plan.ending_);
  sigemptyset(&plan.other_);
  for (const int number : ending_signals) {
    if (!is_ignored(number)) {
      sigaddset(&plan.ending_, number);
    }
  }
  for (const int number : other_signals) {
    sigaddset(&plan.other_, number);
  }
  // Who ignores SIGCHLD is never told how a child ended.
  plan.ignored_children_ = is_ignored(SIGCHLD);
  (void)std::signal(SIGCHLD, SIG_DFL);

  sigset_t all;
  sigorset(&all, &plan.ending_, &plan.other_);
  // A closed stderr makes the tool raise this itself. Blocked, it is harmless.
  sigaddset(&all, SIGPIPE);
  sigprocmask(SIG_BLOCK, &all, &plan.found_);
  return plan;
}

void signal_plan::restore() const noexcept {
  (void)std::signal(SIGCHLD, ignored_children_ ? SIG_IGN : SIG_DFL);
  sigprocmask(SIG_SETMASK, &found_, nullptr);
}

signal_reader::signal_reader(const sigset_t &signals)
    : fd_{check_errno(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK),
                      "could not create a signal descriptor")} {}

std::optional<signalfd_siginfo> signal_reader::next() const noexcept {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof info) !=
      static_cast<ssize_t>(sizeof info)) {
    return std::nullopt;
  }
  return info;
}

bool from_process(const signalfd_siginfo &info) {
  return info.ssi_code <= 0 && static_cast<pid_t>(info.ssi_pid) != getpid();
}

int pending_signal(const unique_fd &status_file, const sigset_t &signals) {
  std::istringstream status{read_proc_file(status_file)};
  if (status.str().empty()) {
    return SIGTERM;
  }
  unsigned long long pending = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("SigPnd:", 0) == 0 || line.rfind("ShdPnd:", 0) == 0) {
      pending |= std::stoull(line.substr(7), nullptr, 16);
    }
  }
  for (const int number : ending_signals) {
    if (sigismember(&signals, number) == 1 &&
        (pending >> (number - 1) & 1U) != 0) {
      return number;
    }
  }
  return 0;
}

bool send_signal(const unique_fd &pidfd, int number) noexcept {
  return pidfd &&
         syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) == 0;
}

void die_of(int number) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  (void)std::signal(number, SIG_DFL);
  (void)raise(number);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  _exit(128 + number);
}

unique_fd open_pidfd(pid_t pid) noexcept {
  return unique_fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
}

}  // namespace pg_exclusive::cli
