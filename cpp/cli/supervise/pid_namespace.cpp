#include "supervise/pid_namespace.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>

#include "base/exit_codes.hpp"
#include "base/message.hpp"
#include "process/end_tree.hpp"
#include "process/process_tree.hpp"
#include "process/signals.hpp"

namespace pg_exclusive::cli {

namespace {

/// How the namespaces are made. A process that may not make the first two may
/// be allowed to make a user namespace, in which it may.
constexpr unsigned plain_flags = CLONE_NEWPID | CLONE_NEWNS;
constexpr unsigned user_flags = plain_flags | CLONE_NEWUSER;

pid_t fork_into(unsigned namespaces) {
  clone_args how{};
  how.flags = namespaces;
  how.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &how, sizeof how));
}

void refuse(const std::string &why) {
  print_message(
      {"error: could not isolate the command: " + why,
       "--isolate needs root (CAP_SYS_ADMIN), or user namespaces, which the "
       "system or a container may forbid",
       R"({"event":"error"})"});
}

void write_to(const char *path, const std::string &text) {
  const unique_fd file{check_errno(open(path, O_WRONLY | O_CLOEXEC), path)};
  check_errno(write(file.get(), text.data(), text.size()), path);
}

/// In a new user namespace: everybody stays who he is.
void map_user(uid_t user, gid_t group) {
  write_to("/proc/self/setgroups", "deny");
  for (const auto &[path, id] : {std::pair{"/proc/self/uid_map", user},
                                 std::pair{"/proc/self/gid_map", group}}) {
    write_to(path, std::to_string(id) + " " + std::to_string(id) + " 1");
  }
}

/// A /proc that shows the namespace, for it alone.
void mount_proc() {
  check_errno(mount(nullptr, "/proc", nullptr, MS_PRIVATE, nullptr),
              "could not make /proc private");
  check_errno(
      mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr),
      "could not mount /proc");
}

sigset_t only_child_signal() {
  sigset_t result;
  sigemptyset(&result);
  sigaddset(&result, SIGCHLD);
  return result;
}

class init_process {
 public:
  init_process(const init_context &context, channel to_guard)
      : context_{context},
        to_guard_{std::move(to_guard)},
        children_{only_child_signal()} {}

  /// Returns when no other process is left in the namespace.
  void run(const fork_in_init &fork_command) {
    command_ = fork_command();
    to_guard_.send({.kind = packet_kind::forked});
    while (!reap_children()) {
      wait_for_event();
    }
  }

 private:
  void wait_for_event() {
    std::array<pollfd, 3> fds{{
        {children_.fd(), POLLIN, 0},
        {to_guard_.fd(), POLLIN, 0},
        {front_lives_ ? context_.front.get() : -1, POLLIN, 0},
    }};
    if (poll(fds.data(), fds.size(), patience()) < 0) {
      return;
    }
    while (children_.next()) {
    }
    while (auto m = to_guard_.receive()) {
      lock_socket_ = std::move(m->attached);
    }
    if ((fds[1].revents & POLLHUP) != 0) {
      to_guard_.close();
    }
    if (fds[2].revents != 0) {
      front_lives_ = false;
    }
    look_after_them();
  }

  /// True when no other process is left. The guard is told what becomes of the
  /// command. The others are orphans.
  bool reap_children() {
    for (;;) {
      siginfo_t info{};
      if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) !=
          0) {
        return errno == ECHILD;
      }
      if (info.si_pid == 0) {
        return false;
      }
      if (info.si_pid == command_) {
        to_guard_.send({.kind = packet_kind::child,
                        .value = info.si_code,
                        .signal = info.si_status});
      }
    }
  }

  /// The last moment for all of the tool's processes.
  [[nodiscard]] boot_time limit() const {
    return context_.times.last_kill_at(
        shared_state::get(context_.state.deadline));
  }

  /// In milliseconds for poll(), rounded up.
  [[nodiscard]] int patience() const {
    const auto until = limit();
    if (until == never) {
      return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - boot_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  void look_after_them() {
    const bool alone = to_guard_.fd() < 0 && !front_lives_;
    const auto now = boot_clock::now();
    if (!alone && now < limit()) {
      return;
    }
    print_message(alone ? "front and guard have died; ending the command"
                        : "front and guard do not answer; killing the command");
    const auto kill_at =
        alone ? std::min(now + context_.times.grace, limit()) : now;
    end_tree({.kill_at = [kill_at] { return kill_at; }});
  }

  init_context context_;
  channel to_guard_;
  bool front_lives_ = true;
  signal_reader children_;
  unique_fd lock_socket_;
  pid_t command_ = 0;
};

[[noreturn]] void become_init(const init_context &context, channel to_guard,
                              const std::function<void()> &enter,
                              const fork_in_init &fork_command) {
  try {
    enter();
    prctl(PR_SET_NAME, "pg_excl init");
    init_process{context, std::move(to_guard)}.run(fork_command);
  } catch (const std::exception &error) {
    refuse(error.what());
  }
  _exit(0);
}

/// Waits for its word that the command's process is there.
void wait_for_init(const channel &init) {
  pollfd ready{init.fd(), POLLIN, 0};
  while (poll(&ready, 1, -1) < 0 && errno == EINTR) {
  }
  if (!init.receive()) {
    throw not_isolated{};
  }
}

/// In our numbers: the only process below init.
pid_t find_command(pid_t init) {
  for (const process_id &process : descendants()) {
    if (process.pid != init) {
      return process.pid;
    }
  }
  return 0;  // killed already: init tells so
}

}  // namespace

forked_command fork_isolated(const init_context &context,
                             const fork_in_init &fork_command) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  auto ends = channel::make_pair();
  bool mapped = false;
  pid_t init = fork_into(plain_flags);
  if (init < 0 && errno == EPERM && user != 0) {
    mapped = true;
    init = fork_into(user_flags);
  }
  if (init < 0) {
    refuse(std::strerror(errno));
    throw not_isolated{};
  }
  if (init == 0) {
    ends.first.close();
    become_init(
        context, std::move(ends.second),
        [&] {
          if (mapped) {
            map_user(user, group);
          }
          mount_proc();
        },
        fork_command);
  }
  ends.second.close();
  wait_for_init(ends.first);
  return {find_command(init), init, std::move(ends.first)};
}

}  // namespace pg_exclusive::cli
