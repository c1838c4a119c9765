#include "say.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace pg_exclusive::cli {

void say(const std::string &text) {
  const std::string line = "pg_exclusive: " + text + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EPIPE) {
    // Nobody reads it. Where SIGPIPE is blocked, ours must not be taken for
    // one that somebody sent.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec at_once{};
    sigtimedwait(&pipe, nullptr, &at_once);
  }
}

}  // namespace pg_exclusive::cli
