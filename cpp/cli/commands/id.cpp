// id: the 64-bit id of a lock, computed here.
#include <iostream>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "commands/commands.hpp"

namespace pg_exclusive::cli {

int execute(const id_options &wanted, const options &all) {
  // A string in JSON, because it exceeds what a double holds exactly.
  const std::int64_t id = wanted.name.id();
  if (all.json) {
    const nlohmann::ordered_json object{{"namespace", wanted.name.namespace_},
                                        {"key", wanted.name.key},
                                        {"id", std::to_string(id)}};
    std::cout << json_text(object) << '\n';
  } else {
    std::cout << id << '\n';
  }
  return exit_ok;
}

}  // namespace pg_exclusive::cli
