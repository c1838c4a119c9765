// JSON that can always be written, whatever bytes a text has.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace pg_exclusive::cli {

/// Does not throw for broken UTF-8: it is replaced. On one line by default.
inline std::string json_text(const nlohmann::ordered_json &value,
                             int indent = -1) {
  return value.dump(indent, ' ', false,
                    nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace pg_exclusive::cli
