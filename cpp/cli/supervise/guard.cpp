#include "supervise/guard.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/exit_codes.hpp"
#include "base/message.hpp"
#include "process/end_tree.hpp"

namespace pg_exclusive::cli {
namespace {
/// How long a wait may take to end after a signal.
constexpr std::chrono::milliseconds patience_before_grant{500};

}  // namespace

guard::guard(context given, lock_source &source)
    : context_{std::move(given)},
      command_{open_pidfd(context_.command.pid)},
      ending_signals_{context_.signals.ending()},
      other_signals_{context_.signals.other()},
      forwarder_{context_.state},
      lock_{source} {
  check_errno(command_.get(), "could not open a pidfd");
  context_.to_front.send(
      {.kind = packet_kind::forked, .value = context_.command.pid},
      command_.get());
}

int guard::run() {
  while (phase_ != phase::over) {
    wait_for_event();
  }
  return settle();
}

void guard::wait_for_event() {
  arm_timer();
  std::array<pollfd, 7> fds{{
      {front_lives_ ? context_.front.get() : -1, POLLIN, 0},
      {front_lives_ ? context_.to_front.fd() : -1, POLLIN, 0},
      {ending_signals_.fd(), POLLIN, 0},
      {other_signals_.fd(), POLLIN, 0},
      {lock_.event_fd(), POLLIN, 0},
      {timer_.fd(), POLLIN, 0},
      {context_.command.to_init.fd(), POLLIN, 0},
  }};
  if (poll(fds.data(), fds.size(), -1) < 0) {
    return;
  }
  while (const auto m = context_.to_front.receive()) {
    on_packet(m->what);
  }
  if (fds[0].revents != 0) {
    on_front_death();
  }
  hear_init();
  if ((fds[6].revents & POLLHUP) != 0) {
    context_.command.to_init.close();  // its death comes as SIGCHLD
  }
  on_signals();
  on_lock_event();
  on_time();
}

void guard::on_packet(const packet &m) {
  switch (m.kind) {
    case packet_kind::started:
      if (phase_ == phase::granted) {
        phase_ = phase::running;
      }
      if (signal_to_forward_ != 0) {
        forwarder_.forward(command_, signal_to_forward_);
      }
      break;
    case packet_kind::cancel:
      abandon(m.value != 0 ? m.value : signal_to_forward_);
      break;
    case packet_kind::signalled:
      told_to_end_ = told_to_end_ || asks_to_end(m.value);
      check_leftovers();
      break;
    default:
      break;
  }
}

void guard::on_signals() {
  pollfd ready{ending_signals_.fd(), POLLIN, 0};
  if (poll(&ready, 1, 0) > 0) {
    context_.state.signal_arrived = true;
  }
  while (const auto info = ending_signals_.next()) {
    if (!from_process(*info)) {
      continue;
    }
    const int number = static_cast<int>(info->ssi_signo);
    context_.state.note_signal(number);
    told_to_end_ = told_to_end_ || asks_to_end(number);
    if (phase_ == phase::waiting) {
      abandon(number);
    } else if (phase_ == phase::granted) {
      signal_to_forward_ = number;
    } else {
      forwarder_.forward(command_, number);
      check_leftovers();
    }
  }
  while (const auto info = other_signals_.next()) {
    if (info->ssi_signo == SIGCHLD) {
      reap_children();
    }
  }
}

void guard::on_front_death() {
  front_lives_ = false;
  context_.to_front.close();
  if (phase_ == phase::waiting) {
    abandon(SIGKILL);
  } else if (phase_ != phase::over) {
    end_command("the front process has died; ending the command",
                128 + SIGKILL);
  }
}

void guard::on_lock_event() {
  lock_.acknowledge();
  held_lock *hold = lock_.hold();
  if (phase_ == phase::over) {
    return;
  }
  if (hold != nullptr && phase_ == phase::waiting) {
    on_grant(*hold);
  }
  if (hold != nullptr) {
    check_hold(*hold);
    check_yield(*hold);
  } else if (lock_.ended() && phase_ == phase::waiting) {
    abandon(0);
  }
}

/// Did somebody ask for the lock? The command is told as if by a signal.
void guard::check_yield(const held_lock &hold) {
  if (!context_.times.yield || yielding_ || phase_ == phase::over ||
      !hold.yield_requested().stop_requested()) {
    return;
  }
  yielding_ = true;
  told_to_end_ = true;
  print_message("the lock was asked for; ending the command");
  if (phase_ == phase::granted) {
    signal_to_forward_ = SIGTERM;
  } else {
    forwarder_.forward(command_, SIGTERM);
    check_leftovers();
  }
}

void guard::on_grant(held_lock &hold) {
  // A lease has no descriptor that keeps it.  Any other will do in its place.
  const int socket = hold.socket() >= 0 ? hold.socket() : lock_.event_fd();
  phase_ = phase::granted;
  granted_ = true;
  shared_state::set(context_.state.deadline, hold.deadline());
  const auto token = hold.token();
  context_.to_front.send({.kind = packet_kind::granted,
                          .has_token = token.has_value() ? 1 : 0,
                          .token = token.value_or(0)},
                         socket);
  context_.command.to_init.send({.kind = packet_kind::granted}, socket);
}

/// Ends the command when its lock is lost, or is about to be lost because the
/// server does not answer. Else tells the front the deadline.
void guard::check_hold(const held_lock &hold) {
  const auto deadline = hold.deadline();
  if (hold.lost().stop_requested() ||
      boot_clock::now() >= context_.times.terminate_at(deadline)) {
    end_command("lost: " + hold.loss() + "; ending the command", exit_lost);
  } else {
    shared_state::set(context_.state.deadline, deadline);
  }
}

void guard::on_time() {
  timer_.acknowledge();
  held_lock *hold = lock_.hold();
  if (hold != nullptr && phase_ != phase::over) {
    check_hold(*hold);
  }
}

/// Wakes up when the command is to be ended, and often enough before to tell
/// the front of every new deadline.
void guard::arm_timer() const {
  const held_lock *hold = lock_.hold();
  timer_.arm(hold == nullptr
                 ? never
                 : std::min(context_.times.terminate_at(hold->deadline()),
                            boot_clock::now() + context_.times.lease / 15));
}

void guard::reap_children() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) !=
        0) {
      if (errno == ECHILD && phase_ != phase::waiting) {
        phase_ = phase::over;
      }
      return;
    }
    if (info.si_pid == 0) {
      check_leftovers();
      return;
    }
    if (info.si_pid == context_.command.pid) {
      on_child(info.si_code, info.si_status);
    } else if (info.si_pid == context_.command.init) {
      on_init(info.si_code);
    }
  }
}

void guard::on_child(int code, int status) {
  switch (code) {
    case CLD_STOPPED:
      // The shell is to see its job stopped exactly when the command is.
      send_signal(context_.front, SIGSTOP);
      break;
    case CLD_CONTINUED:
      send_signal(context_.front, SIGCONT);
      break;
    case CLD_EXITED:
      on_command_end({status, 0});
      break;
    default:
      on_command_end({128 + status, status});
  }
}

/// What became of an isolated command.
void guard::hear_init() {
  while (const auto m = context_.command.to_init.receive()) {
    on_child(m->what.value, m->what.signal);
    check_leftovers();
  }
}

void guard::on_init(int code) {
  if (code == CLD_STOPPED) {
    kill(context_.command.init, SIGCONT);
  } else if (code != CLD_CONTINUED) {
    hear_init();  // it may have spoken last thing
    if (command_lives_) {
      on_command_end({128 + SIGKILL, SIGKILL});
    }
  }
}

void guard::on_command_end(outcome result) {
  command_lives_ = false;
  if (!decided_) {
    outcome_ = result;
  }
  if (phase_ == phase::waiting) {
    decide(result);
    abandon(0);
  }
}

bool guard::has_leftovers() const {
  try {
    const auto below = descendants();
    return std::any_of(below.begin(), below.end(), [this](const auto &process) {
      return process.pid != context_.command.init;
    });
  } catch (const std::exception &) {
    return true;  // could not look
  }
}

/// Has a signal asked the tool to end? The front may not have passed it on yet.
bool guard::end_was_asked() const {
  if (told_to_end_ || asks_to_end(context_.state.first_signal)) {
    return true;
  }
  try {
    return front_lives_ &&
           asks_to_end(pending_signal(context_.front_status,
                                      context_.signals.ending()));
  } catch (const std::exception &) {
    return false;
  }
}

/// The command has ended, something it started has not.
void guard::check_leftovers() {
  if (command_lives_ || phase_ == phase::over) {
    return;
  }
  if (end_was_asked() || context_.times.on_leftovers == leftovers::end) {
    end_command("", std::nullopt);
  } else if (!leftovers_told_ && has_leftovers()) {
    leftovers_told_ = true;
    print_message(
        "the command has ended, processes it started have not: keeping the "
        "lock until they end");
  }
}

/// Before the start: the command's process goes, nothing ran. The signal that
/// asked for it decides the exit code, else what the lock's source says.
void guard::abandon(int number) {
  if (phase_ == phase::over) {
    return;
  }
  if (number != 0) {
    decide({128 + number, number});
  }
  lock_.stop();
  end_tree({.kill_at = [] { return boot_clock::now(); }, .child = child()});
  phase_ = phase::over;
}

/// Whatever the lock's source says at the end, this is the result.
void guard::decide(outcome result) {
  if (!decided_) {
    outcome_ = result;
    decided_ = true;
  }
}

void guard::end_command(const std::string &why, std::optional<int> exit_code) {
  if (!why.empty()) {
    print_message(why);
  }
  if (exit_code) {
    decide({*exit_code, 0});
  }
  const auto asked_at = boot_clock::now();
  end_tree({.kill_at = [this, asked_at] { return kill_limit(asked_at); },
            .child = child()});
  phase_ = phase::over;
}

/// The grace, cut short where the lease would end within it. Tells the front
/// until when the guard is at work on it. A lock that is known to be lost has
/// no deadline to keep.
boot_time guard::kill_limit(boot_time asked_at) {
  const held_lock *hold = lock_.hold();
  const bool held = hold != nullptr && !hold->lost().stop_requested();
  const auto deadline = held ? hold->deadline() : never;
  const auto limit = std::min(asked_at + context_.times.grace,
                              context_.times.kill_at(deadline));
  shared_state::set(
      context_.state.ending_until,
      std::max(limit, boot_clock::now()) + context_.times.margin());
  shared_state::set(context_.state.deadline, deadline);
  return limit;
}

/// Frees the lock, now that nothing runs, and tells the front.
int guard::settle() {
  send_signal(context_.front, SIGCONT);
  context_.to_front.send({.kind = packet_kind::tree_ended,
                          .value = outcome_.exit_code,
                          .signal = outcome_.signal});
  lock_.finish(outcome_.exit_code == 0);
  if (!granted_ && !lock_.ends_within(patience_before_grant)) {
    // It is still connecting, or cancelling its wait over a dead link. No lock
    // is held, and the server gives up the wait when the socket is closed.
    report_end();
    _exit(outcome_.exit_code);
  }
  lock_.join();
  const auto overruled = lock_.result();
  if (overruled && !decided_) {
    if (!overruled->what.text.empty()) {
      print_message(overruled->what);
    }
    outcome_ = {overruled->exit_code, 0};
  }
  report_end();
  return outcome_.exit_code;
}

void guard::report_end() const {
  context_.to_front.send({.kind = packet_kind::ended,
                          .value = outcome_.exit_code,
                          .signal = outcome_.signal});
}

}  // namespace pg_exclusive::cli
