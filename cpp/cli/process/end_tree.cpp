#include "process/end_tree.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <set>
#include <string>

#include "base/message.hpp"
#include "base/timespec.hpp"

namespace pg_exclusive::cli {

namespace {

using namespace std::chrono_literals;

class tree_ender {
 public:
  explicit tree_ender(const end_tree_plan &plan) : plan_{plan} {}

  void run() {
    auto pause = 5ms;
    while (!reap()) {
      const bool kill = boot_clock::now() >= plan_.kill_at();
      try_sweep(kill);
      wait_for_child(kill ? pause : 50ms);
      pause = kill ? std::min(2 * pause, 100ms) : pause;
    }
  }

 private:
  /// Collects what has ended. True when no process of the command is left.
  bool reap() {
    pid_t pid = 0;
    while ((pid = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    return (pid < 0 && errno == ECHILD) || quiet_rounds_ > 2;
  }

  /// Not being able to look is no reason to believe that no process is there.
  void try_sweep(bool kill) {
    try {
      sweep(kill);
    } catch (const std::exception &error) {
      quiet_rounds_ = 0;
      if (!blind_told_) {
        blind_told_ = true;
        print_message(std::string{"cannot look for the command's processes ("} +
                      error.what() + "); trying again until it is possible");
      }
      signal_child(kill ? SIGKILL : SIGTERM);
    }
  }

  void sweep(bool kill) {
    const auto below = descendants(plan_.except);
    // Only with children of others below us, ECHILD cannot be had.
    quiet_rounds_ =
        plan_.except.empty() || !below.empty() ? 0 : quiet_rounds_ + 1;
    for (const process_id &process : below) {
      if (kill) {
        report(process, send_signal(process, SIGKILL));
      } else if (asked_.count(process) == 0) {
        report(process, send_signal(process, SIGTERM));
        send_signal(process, SIGCONT);  // a stopped process hears no TERM
        asked_.insert(process);
      }
    }
  }

  /// A child's pid is not used again before this process has waited for it.
  void signal_child(int number) {
    siginfo_t info{};
    if (plan_.child != 0 &&
        waitid(P_PID, plan_.child, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
      kill(plan_.child, number);
      kill(plan_.child, SIGCONT);
    }
  }

  void report(const process_id &process, sent result) {
    if (result == sent::forbidden && forbidden_.insert(process).second) {
      print_message(
          "process " + std::to_string(process.pid) +
          " belongs to another user and cannot be ended; waiting for it");
    }
  }

  static void wait_for_child(std::chrono::milliseconds limit) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const timespec timeout = to_timespec(limit);
    sigtimedwait(&child, nullptr, &timeout);
  }

  const end_tree_plan &plan_;
  std::set<process_id> asked_;
  std::set<process_id> forbidden_;
  int quiet_rounds_ = 0;
  bool blind_told_ = false;
};

}  // namespace

void end_tree(const end_tree_plan &plan) { tree_ender{plan}.run(); }

}  // namespace pg_exclusive::cli
