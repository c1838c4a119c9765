#include "supervise/child.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/exit_codes.hpp"
#include "base/message.hpp"

namespace pg_exclusive::cli {

namespace {

struct start_word {
  std::int32_t has_token;
  std::int64_t token;
};

/// The signal that forbids the start, 0 if none does. The queues first, then
/// the flag: who takes a signal from a queue has set the flag before.
int signal_before_start(const child_context &context) {
  for (const unique_fd *status : {&context.front, &context.guard}) {
    const int number = pending_signal(*status, context.signals.ending());
    if (number != 0) {
      return number;
    }
  }
  if (!context.state.signal_arrived) {
    return 0;
  }
  const int first = context.state.first_signal;
  return first != 0 ? first : SIGTERM;
}

[[noreturn]] void execute(const command_line &command) {
  std::vector<char *> arguments;
  for (const std::string &argument : command.arguments) {
    arguments.push_back(const_cast<char *>(argument.c_str()));
  }
  arguments.push_back(nullptr);

  execvp(arguments[0], arguments.data());
  const int error = errno;
  print_message("could not execute \"" + command.arguments[0] +
                "\": " + std::strerror(error));
  _exit(error == ENOENT ? exit_not_found : exit_cannot_execute);
}

}  // namespace

start_gate::start_gate() {
  std::array<int, 2> ends{};
  check_errno(pipe2(ends.data(), O_CLOEXEC), "could not create a pipe");
  read_.reset(ends[0]);
  write_.reset(ends[1]);
}

void start_gate::open(std::optional<std::int64_t> token) const noexcept {
  const start_word word{token.has_value() ? 1 : 0, token.value_or(0)};
  // A command that died while it waited is noticed by its end, not here.
  [[maybe_unused]] const auto written = write(write_.get(), &word, sizeof word);
}

bool start_gate::wait(std::optional<std::int64_t> &token) noexcept {
  write_.reset();
  start_word word{};
  ssize_t got = 0;
  do {
    got = read(read_.get(), &word, sizeof word);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof word)) {
    return false;
  }
  if (word.has_token != 0) {
    token = word.token;
  }
  return true;
}

void become_command(start_gate &gate, const command_line &command,
                    const child_context &context) {
  context.signals.restore();
  std::optional<std::int64_t> token;
  if (!gate.wait(token)) {
    _exit(exit_cannot_execute);
  }
  for (const auto &[name, value] : command.environment) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  if (token) {
    setenv("PG_EXCLUSIVE_TOKEN", std::to_string(*token).c_str(), 1);
  } else {
    unsetenv("PG_EXCLUSIVE_TOKEN");
  }
  try {
    if (const int number = signal_before_start(context)) {
      die_of(number);
    }
  } catch (const std::exception &error) {
    print_message(std::string{"error: "} + error.what() +
                  "; the command was not run");
    _exit(exit_system);
  }
  // The machine or the tool may have been stopped since the grant.
  if (boot_clock::now() >= shared_state::get(context.state.deadline)) {
    print_message("lost: the lease has ended; the command was not run");
    _exit(exit_lost);
  }
  execute(command);
}

}  // namespace pg_exclusive::cli
