// wait: until a lock is free.
#include <iostream>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "base/message.hpp"
#include "base/text_table.hpp"
#include "commands/busy_message.hpp"
#include "commands/commands.hpp"
#include "db/conninfo.hpp"
#include "pg_exclusive/client.hpp"

namespace pg_exclusive::cli {

int execute(const wait_options &wanted, const options &all) {
  client locks{make_conninfo(all.connection)};
  lock_options how{.mode = wanted.shared ? lock_mode::shared
                                         : lock_mode::exclusive};
  if (wanted.wait) {
    how.wait = std::chrono::ceil<std::chrono::milliseconds>(*wanted.wait);
  }
  auto granted = locks.lock(wanted.name, how);
  if (!granted) {
    print_message(
        busy_message(wanted.name, granted.outcome(), granted.refused_by()));
    return exit_busy;
  }
  hold held = *std::move(granted);
  held.unlock();
  if (all.json) {
    const nlohmann::ordered_json object{{"namespace", wanted.name.namespace_},
                                        {"key", wanted.name.key},
                                        {"free", true}};
    std::cout << json_text(object) << '\n';
  } else {
    std::cout << "free: " << printable(wanted.name.to_string()) << '\n';
  }
  return exit_ok;
}

}  // namespace pg_exclusive::cli
