#include "base/to_string.hpp"

#include <array>
#include <ctime>

#include "pg_exclusive/events.hpp"
#include "pg_exclusive/holder_info.hpp"
#include "pg_exclusive/result.hpp"

namespace pg_exclusive {

std::string to_string(std::chrono::system_clock::time_point moment) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  std::array<char, 32> text{};
  return {text.data(),
          std::strftime(text.data(), text.size(), "%F %TZ", &fields)};
}

std::string holder_info::to_string() const {
  std::string text = role.empty() ? "somebody" : role;
  if (!client_addr.empty()) text += '@' + client_addr;
  if (pid != 0) {
    text += " (pid " + std::to_string(pid);
    if (!application_name.empty()) text += ", " + application_name;
    text += ')';
  } else if (!application_name.empty()) {
    text += " (" + application_name + ')';
  }
  if (acquired_at) text += " since " + pg_exclusive::to_string(*acquired_at);
  return text;
}

const char *to_string(outcome outcome) noexcept {
  switch (outcome) {
    case outcome::acquired:
      return "acquired";
    case outcome::busy:
      return "busy";
    case outcome::timed_out:
      return "timed out";
    case outcome::stopped:
      return "stopped";
    case outcome::already_ran:
      return "already ran";
  }
  return "unknown";
}

const char *to_string(loss_reason reason) noexcept {
  switch (reason) {
    case loss_reason::connection_closed:
      return "connection closed";
    case loss_reason::lease_expired:
      return "lease expired";
    case loss_reason::lock_gone:
      return "the session no longer holds it";
    case loss_reason::backend_changed:
      return "another backend answered";
    case loss_reason::extension_appeared:
      return "the extension was installed";
    case loss_reason::client_closed:
      return "the client was closed";
  }
  return "unknown";
}

const char *to_string(event_kind kind) noexcept {
  switch (kind) {
    case event_kind::granted:
      return "granted";
    case event_kind::released:
      return "released";
    case event_kind::lost:
      return "lost";
    case event_kind::slow_heartbeat:
      return "slow heartbeat";
    case event_kind::session_opened:
      return "session opened";
    case event_kind::session_closed:
      return "session closed";
    case event_kind::extension_appeared:
      return "extension appeared";
    case event_kind::yield_requested:
      return "yield requested";
  }
  return "unknown";
}

}  // namespace pg_exclusive
