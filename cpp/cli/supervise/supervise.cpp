#include "supervise/supervise.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <new>
#include <system_error>

#include "base/exit_codes.hpp"
#include "base/message.hpp"
#include "process/proc_file.hpp"
#include "process/requirements.hpp"
#include "supervise/front.hpp"
#include "supervise/guard.hpp"
#include "supervise/pid_namespace.hpp"

namespace pg_exclusive::cli {

namespace {

unique_fd check_pidfd(unique_fd pidfd) {
  check_errno(pidfd.get(), "could not open a pidfd");
  return pidfd;
}

/// What is made before the first fork, and shared by it.
struct beginnings {
  signal_plan signals = signal_plan::install();
  shared_state_ptr state = make_shared_state();
  std::pair<channel, channel> ends = channel::make_pair();
  start_gate gate;
  unique_fd front_pidfd = check_pidfd(open_pidfd(getpid()));
  unique_fd front_status = open_proc_file(getpid(), "status");
};

/// The kernel continues the front with SIGCONT when the guard dies, because a
/// stopped front (Ctrl-Z) could not take its place.
class wake_on_death {
 public:
  wake_on_death() {
    std::array<int, 2> ends{};
    check_errno(pipe2(ends.data(), O_CLOEXEC), "could not create a pipe");
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }
  void wake_me() {
    write_.reset();
    fcntl(read_.get(), F_SETOWN, getpid());
    fcntl(read_.get(), F_SETSIG, SIGCONT);
    fcntl(read_.get(), F_SETFL, O_ASYNC | O_NONBLOCK);
  }
  void when_i_die() { read_.reset(); }
  void not_me() {
    read_.reset();
    write_.reset();
  }

 private:
  unique_fd read_;
  unique_fd write_;
};

/// Out of the terminal's reach, after the command stayed within it. A group of
/// its own in the same session would be less, but then the end of the command
/// could make the front's group an orphaned one: if a member is stopped, the
/// kernel sends SIGHUP to all of it, the shell script that called us included.
void leave_session() { check_errno(setsid(), "could not make a session"); }

/// Forks the command's process; called in its parent, guard or init.
pid_t fork_command(beginnings &made, wake_on_death &wake,
                   const command_line &command, const unique_fd &guard_status) {
  const pid_t pid = check_errno(fork(), "could not fork");
  if (pid == 0) {
    wake.not_me();
    made.ends = {};
    become_command(
        made.gate, command,
        {made.signals, *made.state, made.front_status, guard_status});
  }
  made.gate.keep_nothing();
  return pid;
}

int run_guard(beginnings &made, wake_on_death &wake,
              const command_line &command, const schedule &times,
              const make_lock_source &make_source) {
  check_errno(prctl(PR_SET_CHILD_SUBREAPER, 1), "could not be a subreaper");
  const unique_fd status = open_proc_file(getpid(), "status");
  forked_command forked;
  if (times.isolate) {
    forked = fork_isolated({made.front_pidfd, times, *made.state}, [&] {
      const pid_t pid = fork_command(made, wake, command, status);
      wake.not_me();
      made.ends = {};
      leave_session();
      return pid;
    });
  } else {
    forked.pid = fork_command(made, wake, command, status);
  }
  leave_session();
  prctl(PR_SET_NAME, "pg_excl guard");
  wake.when_i_die();
  made.gate.keep_nothing();
  made.ends.first.close();

  const auto source = make_source();
  guard supervisor{
      {std::move(made.ends.second), std::move(made.front_pidfd),
       made.front_status, std::move(forked), made.signals, *made.state, times},
      *source};
  return supervisor.run();
}

int fail(int code, const std::exception &why) {
  print_message({std::string{"error: the guard process failed: "} + why.what(),
                 "", R"({"event":"error"})"});
  return code;
}

}  // namespace

int supervise(const command_line &command, const schedule &times,
              const make_lock_source &make_source) {
  check_descriptors();
  check_errno(prctl(PR_SET_CHILD_SUBREAPER, 1), "could not be a subreaper");
  auto earlier_children = descendants();
  beginnings made;
  wake_on_death wake;

  const pid_t guard_pid = check_errno(fork(), "could not fork");
  if (guard_pid == 0) {
    int code = exit_internal;
    try {
      code = run_guard(made, wake, command, times, make_source);
    } catch (const not_isolated &) {
      code = exit_config;
    } catch (const std::system_error &error) {
      code = fail(exit_system, error);
    } catch (const std::bad_alloc &error) {
      code = fail(exit_system, error);
    } catch (const std::exception &error) {
      code = fail(exit_internal, error);
    }
    _exit(code);
  }
  wake.wake_me();
  made.gate.keep_write_end();
  made.ends.second.close();
  front waiter{{std::move(made.ends.first), std::move(made.gate), guard_pid,
                made.signals, *made.state, times, std::move(earlier_children)}};
  return waiter.run();
}

}  // namespace pg_exclusive::cli
