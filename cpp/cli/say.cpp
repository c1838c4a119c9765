#include "say.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

namespace pg_exclusive::cli {

namespace {

bool json_wanted = false;

std::string line_for(const std::string &text, const std::string &details) {
  if (!json_wanted) {
    return "pg_exclusive: " + text + "\n";
  }
  auto object = details.empty() ? nlohmann::ordered_json::object()
                                : nlohmann::ordered_json::parse(details);
  object["message"] = text;
  return object.dump(-1, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace

void say_json() { json_wanted = true; }

void say(const std::string &text, const std::string &details) {
  const std::string line = line_for(text, details);
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
