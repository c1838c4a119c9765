#include "commands/busy_message.hpp"

#include "base/format_duration.hpp"
#include "base/json_text.hpp"
#include "base/to_string.hpp"

namespace pg_exclusive::cli {

message busy_message(const lock_name &name, outcome why,
                     const std::optional<holder_info> &holder) {
  nlohmann::ordered_json details{
      {"namespace", name.namespace_},
      {"key", name.key},
      {"event", why == outcome::timed_out ? "timed_out" : "taken"}};
  std::string text = "busy: " + name.to_string();
  if (holder && holder->pid != 0) {
    text += " held by " + holder->role +
            (holder->client_addr.empty() ? "" : "@" + holder->client_addr) +
            " (pid " + std::to_string(holder->pid) + ")";
    details["holder"] = {{"pid", holder->pid},
                         {"role", holder->role},
                         {"application_name", holder->application_name},
                         {"client_addr", holder->client_addr}};
    if (holder->acquired_at) {
      const auto held_for = std::chrono::floor<std::chrono::seconds>(
          std::chrono::system_clock::now() - *holder->acquired_at);
      text += " for " + format_duration(held_for);
      details["holder"]["acquired_at"] = to_string(*holder->acquired_at);
    }
    if (!holder->application_name.empty()) {
      text += ", application \"" + holder->application_name + "\"";
    }
  }
  if (why == outcome::timed_out) {
    text += "; timed out";
  }
  return {text, "", json_text(details)};
}

}  // namespace pg_exclusive::cli
