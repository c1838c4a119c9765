#include "process/end_tree.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
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
      sweep(kill);
      wait_for_child(kill ? pause : 50ms);
      pause = kill ? std::min(2 * pause, 100ms) : pause;
    }
  }

 private:
  /// Waits for what has ended; true when nothing of ours is left.
  bool reap() {
    pid_t pid = 0;
    while ((pid = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (pid < 0 && errno == ECHILD) {
      return true;
    }
    // Only where somebody else's children are below us can ECHILD not be had.
    quiet_rounds_ = plan_.except.empty() || !descendants(plan_.except).empty()
                        ? 0
                        : quiet_rounds_ + 1;
    return quiet_rounds_ > 2;
  }

  void sweep(bool kill) {
    for (const process_id &process : descendants(plan_.except)) {
      if (kill) {
        report(process, send_signal(process, SIGKILL));
      } else if (asked_.insert(process).second) {
        report(process, send_signal(process, SIGTERM));
        send_signal(process, SIGCONT);  // a stopped process hears no TERM
      }
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
};

}  // namespace

void end_tree(const end_tree_plan &plan) { tree_ender{plan}.run(); }

}  // namespace pg_exclusive::cli
