// break: takes a lock away from who has it.
#include <iostream>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "base/text_table.hpp"
#include "commands/commands.hpp"
#include "db/database.hpp"

namespace pg_exclusive::cli {

int execute(const break_options &wanted, const options &all) {
  database db{all.connection};
  const std::string count =
      db.ask("SELECT " + db.schema() + "break_lock(" +
             db.quote(wanted.name.namespace_) + ", " +
             db.quote(wanted.name.key) + ", " + db.quote(wanted.reason) + ")")
          .text(0, 0);
  if (all.json) {
    const nlohmann::ordered_json object{{"namespace", wanted.name.namespace_},
                                        {"key", wanted.name.key},
                                        {"sessions_ended", std::stoi(count)}};
    std::cout << json_text(object) << '\n';
  } else {
    std::cout << printable(wanted.name.to_string()) << ": " << count
              << (count == "1" ? " session" : " sessions") << " ended\n";
  }
  return exit_ok;
}

}  // namespace pg_exclusive::cli
