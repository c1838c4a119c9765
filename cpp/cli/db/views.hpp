// What the tool reads from the extension's views. Each function asks the server
// once, after the schema has been looked up.
#pragma once

#include <string>
#include <vector>

#include "base/json_text.hpp"
#include "db/database.hpp"
#include "options/options.hpp"

namespace pg_exclusive::cli {

/// A condition for one of the views, " WHERE ..." or empty.
[[nodiscard]] std::string condition(database &db, const selection &what);

/// A session that holds a lock or waits for it.
struct lock_row {
  std::string lock;  ///< namespace/key; key `?` where it may not be seen
  bool waiting = false;
  std::string mode;
  long long seconds = 0;  ///< held or waited for so long
  std::string token;      ///< empty: none
  std::string who;        ///< role@address
  std::string pid;
  std::string application;
  int number = 0;  ///< waiters of a holder, or place in the queue
};

/// Holders and waiters at one moment.
struct lock_snapshot {
  std::string time;      ///< on the server's clock
  std::string database;  ///< user@host:port/database
  std::vector<lock_row> rows;
};

/// @throws tool_error, also when the namespace is not registered. Otherwise a
/// misspelled name would look like a free lock.
[[nodiscard]] lock_snapshot read_locks(database &db, const selection &what);

/// A view and the member of a JSON object that takes its rows.
struct json_view {
  std::string member;
  std::string view;
  selection what;
};

/// Rows of views as arrays. Ids and tokens are strings, because programs that
/// read JSON numbers as doubles would round them. @throws tool_error as
/// read_locks() does.
[[nodiscard]] nlohmann::ordered_json read_json(
    database &db, const selection &what, const std::vector<json_view> &views);

}  // namespace pg_exclusive::cli
