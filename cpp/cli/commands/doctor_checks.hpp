// What may break locks, as findings of one line each.
#pragma once

#include <string>
#include <vector>

#include "db/database.hpp"
#include "pg_exclusive/client_options.hpp"

namespace pg_exclusive::cli {

enum class level { ok, warn, fail };

struct finding {
  cli::level level;
  std::string subject;
  std::string text;
  std::string advice;  ///< what to do. Empty when all is well
};

/// Judges what a client has found out about its connection.
[[nodiscard]] std::vector<finding> check_facts(const server_facts &facts);

/// Asks the database itself: its role, lock table, clock, encoding, settings of
/// roles, rights, and namespaces. @throws tool_error
[[nodiscard]] std::vector<finding> check_database(database &db,
                                                  const server_facts &facts);

}  // namespace pg_exclusive::cli
