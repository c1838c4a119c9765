#include "base/message.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/json_text.hpp"
#include "base/utf8.hpp"

namespace pg_exclusive::cli {

namespace {

bool json_wanted = false;

/// Text that cannot steer a terminal. Control characters and bytes that are not
/// UTF-8 become \xNN, whatever the locale is. Line breaks and tabs
/// stay.
std::string without_controls(const std::string &text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool c1 = length == 2 && byte == 0xC2 &&
                    static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (length > 0 && !c1 && (byte >= ' ' || byte == '\n' || byte == '\t') &&
        byte != 0x7F) {
      result += text.substr(at, length);
      at += length;
      continue;
    }
    for (std::size_t end = at + std::max<std::size_t>(length, 1); at < end;
         ++at) {
      result += escaped(text[at]);
    }
  }
  return result;
}

std::string lines_for(const message &what) {
  if (!json_wanted) {
    const std::string hint =
        what.hint.empty() ? "" : "pg_exclusive: hint: " + what.hint + "\n";
    return without_controls("pg_exclusive: " + what.text + "\n" + hint);
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
    // The reader is gone. Where SIGPIPE is blocked, the one that this write
    // caused must not be taken for a signal that a process sent.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec at_once{};
    sigtimedwait(&pipe, nullptr, &at_once);
  }
}

}  // namespace pg_exclusive::cli
