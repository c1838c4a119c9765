#include "supervise/front.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <system_error>

#include "base/exit_codes.hpp"
#include "base/message.hpp"
#include "process/end_tree.hpp"
#include "supervise/guard.hpp"

namespace pg_exclusive::cli {

using namespace std::chrono_literals;

front::front(context given)
    : context_{std::move(given)},
      ending_signals_{context_.signals.ending()},
      other_signals_{context_.signals.other()},
      forwarder_{context_.state} {}

int front::run() {
  while (!exit_code_) {
    wait_for_event();
  }
  const packet &last = end_ ? *end_ : tree_end_.value_or(packet{});
  if (terminal_signal_ != 0 && last.signal == terminal_signal_) {
    die_of(terminal_signal_);
  }
  return *exit_code_;
}

void front::wait_for_event() {
  timer_.arm(patience());
  std::array<pollfd, 4> fds{{
      {context_.to_guard.fd(), POLLIN, 0},
      {ending_signals_.fd(), POLLIN, 0},
      {other_signals_.fd(), POLLIN, 0},
      {timer_.fd(), POLLIN, 0},
  }};
  if (poll(fds.data(), fds.size(), -1) < 0) {
    return;
  }
  // Signals first: a grant that comes with one starts nothing.
  on_ending_signals();
  while (auto m = context_.to_guard.receive()) {
    on_packet(std::move(*m));
  }
  if ((fds[0].revents & POLLHUP) != 0) {
    context_.to_guard.close();  // its death comes as SIGCHLD
  }
  on_other_signals();
  on_time();
}

namespace {

/// Without it, signals could not be passed on, or the lock would not be kept.
unique_fd required(unique_fd attached) {
  if (!attached) {
    throw std::system_error{EMFILE, std::generic_category(),
                            "could not receive a descriptor from the guard"};
  }
  return attached;
}

}  // namespace

void front::on_packet(channel::received m) {
  switch (m.what.kind) {
    case packet_kind::forked:
      command_ = m.what.value;
      command_pidfd_ = required(std::move(m.attached));
      break;
    case packet_kind::granted:
      lock_socket_ = required(std::move(m.attached));
      on_grant(m.what.has_token != 0 ? std::optional{m.what.token}
                                     : std::nullopt);
      break;
    case packet_kind::tree_ended:
      tree_end_ = m.what;
      guard_limit_ = boot_clock::now() + context_.times.lease;
      break;
    case packet_kind::ended:
      end_ = m.what;
      guard_limit_ = boot_clock::now() + 5s;
      break;
    default:
      break;
  }
}

void front::on_grant(std::optional<std::int64_t> token) {
  on_ending_signals();
  if (context_.state.signal_arrived) {
    cancel(context_.state.first_signal);
    return;
  }
  started_ = true;
  context_.gate.open(token);
  context_.to_guard.send({.kind = packet_kind::started});
}

void front::on_ending_signals() {
  pollfd ready{ending_signals_.fd(), POLLIN, 0};
  if (poll(&ready, 1, 0) > 0) {
    context_.state.signal_arrived = true;
  }
  while (const auto info = ending_signals_.next()) {
    const int number = static_cast<int>(info->ssi_signo);
    const bool terminal = from_terminal(*info);
    context_.state.note_signal(number);
    if (terminal) {
      terminal_signal_ = number;
    }
    if (started_) {
      if (!terminal) {
        forwarder_.forward(command_pidfd_, number);
      }
      context_.to_guard.send({.kind = packet_kind::signalled, .value = number});
    } else {
      cancel(number);
    }
  }
}

/// The command is not started, and will not be.
void front::cancel(int number) {
  if (cancelled_) {
    return;
  }
  cancelled_ = true;
  guard_limit_ = boot_clock::now() +
                 std::max<std::chrono::nanoseconds>(context_.times.grace, 2s);
  context_.to_guard.send({.kind = packet_kind::cancel, .value = number});
}

void front::on_other_signals() {
  while (const auto info = other_signals_.next()) {
    const int number = static_cast<int>(info->ssi_signo);
    if (number == SIGCHLD) {
      int status = 0;
      pid_t pid = 0;
      while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == context_.guard) {
          on_guard_end(status);
        }
      }
    } else if (!from_process(*info)) {
      continue;  // the terminal's, for the whole group
    } else if (number != SIGCONT) {
      forwarder_.forward(command_pidfd_, number);
    } else if (is_stopped(command_)) {
      send_signal(command_pidfd_, SIGCONT);
    }
  }
}

void front::on_guard_end(int status) {
  // It may have spoken last thing.
  while (auto m = context_.to_guard.receive()) {
    on_packet(std::move(*m));
  }
  if (exit_code_) {
    return;
  }
  if (end_) {
    exit_code_ = end_->value;
  } else if (tree_end_) {
    exit_code_ = tree_end_->value;
  } else if (WIFSIGNALED(status)) {
    take_over("the guard process was killed by signal " +
              std::to_string(WTERMSIG(status)) + " (" +
              strsignal(WTERMSIG(status)) + ")");
  } else if (!started_) {
    end_tree({.kill_at = [] { return boot_clock::now(); },
              .child = command_,
              .except = context_.earlier_children});
    exit_code_ = WEXITSTATUS(status);  // it has said why
  } else {
    take_over("the guard process failed");
  }
}

/// Takes the guard's place. Its children have become this process's, and so is
/// the last copy of the lock's socket, which is closed after the command has
/// been ended.
void front::take_over(const std::string &why) {
  print_message(
      why + (started_ ? "; ending the command" : "; the command was not run"));
  const auto now = boot_clock::now();
  const auto deadline = shared_state::get(context_.state.deadline);
  const bool was_ending =
      shared_state::get(context_.state.ending_until) != never;
  const auto kill_at = was_ending || !started_
                           ? now
                           : std::min(now + context_.times.grace,
                                      context_.times.last_kill_at(deadline));
  end_tree({.kill_at = [kill_at] { return kill_at; },
            .child = command_,
            .except = context_.earlier_children});
  lock_socket_.reset();
  if (cancelled_) {
    exit_code_ = 128 + context_.state.first_signal;
  } else {
    exit_code_ = started_ ? exit_lost : exit_internal;
  }
}

/// Until when the guard may be silent.
boot_time front::patience() const {
  if (tree_end_ || cancelled_) {
    return guard_limit_;
  }
  const auto deadline = shared_state::get(context_.state.deadline);
  const auto ending = shared_state::get(context_.state.ending_until);
  return ending == never
             ? context_.times.take_over_at(deadline)
             : std::min(ending, context_.times.last_kill_at(deadline));
}

void front::on_time() {
  timer_.acknowledge();
  if (!exit_code_ && boot_clock::now() >= patience()) {
    kill(context_.guard, SIGKILL);
    int status = 0;
    waitpid(context_.guard, &status, 0);
    on_guard_end(status);
  }
}

}  // namespace pg_exclusive::cli
