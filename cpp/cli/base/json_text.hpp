// JSON that can always be written, whatever bytes a text has.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace pg_exclusive::cli {

/// Does not throw for broken UTF-8, but replaces it. On one line by default.
inline std::string json_text(const nlohmann::ordered_json &value,
                             int indent = -1) {
  return value.dump(indent, ' ', false,
                    nlohmann::ordered_json::error_handler_t::replace);
}

/// Replaces bytes that are not UTF-8. A name of a role may have such bytes,
/// because it was created in a database with another encoding.
inline std::string valid_utf8(const std::string &text) {
  const auto ascii = [](unsigned char c) { return c < 0x80; };
  return std::all_of(text.begin(), text.end(), ascii)
             ? text
             : nlohmann::ordered_json::parse(json_text(text))
                   .get<std::string>();
}

}  // namespace pg_exclusive::cli
