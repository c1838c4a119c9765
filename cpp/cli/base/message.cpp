#include "base/message.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/json_text.hpp"

namespace pg_exclusive::cli {

namespace {

bool json_wanted = false;

std::string lines_for(const message &what) {
  if (!json_wanted) {
    return "pg_exclusive: " + what.text + "\n" +
           (what.hint.empty() ? "" : "pg_exclusive: hint: " + what.hint + "\n");
  }
  auto object = what.details.empty()
                    ? nlohmann::ordered_json::object()
                    : nlohmann::ordered_json::parse(what.details);
  object["message"] = what.text;
  if (!what.hint.empty()) {
    object["hint"] = what.hint;
  }
  return json_text(object) + "\n";
}

}  // namespace

void print_messages_as_json() { json_wanted = true; }

void print_message(const std::string &text) { print_message(message{text}); }

void print_message(const message &what) {
  const std::string lines = lines_for(what);
  if (write(STDERR_FILENO, lines.data(), lines.size()) < 0 && errno == EPIPE) {
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
