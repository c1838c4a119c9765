// What the tool reads from the extension's views.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "db/connection.hpp"
#include "options/options.hpp"

namespace pg_exclusive::cli {

/// A condition for one of the views, " WHERE ..." or empty.
[[nodiscard]] std::string condition(database &db, const selection &what);

/// Nothing is shown for a namespace that is not registered, so a typo would
/// look like free locks. @throws tool_error
void require_namespace(database &db, const selection &what);

/// One who holds a lock, or waits for it.
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

[[nodiscard]] lock_snapshot read_locks(database &db, const selection &what);

/// The rows of a view as a JSON array.
[[nodiscard]] std::string read_json(database &db, const std::string &view,
                                    const selection &what);

}  // namespace pg_exclusive::cli
