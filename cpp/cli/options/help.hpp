// What --help prints, in the form of PostgreSQL's own programs.
#pragma once

#include <string>

namespace pg_exclusive::cli {

/// Help for a command; for the program itself when it is empty.
[[nodiscard]] std::string help_text(const std::string &command);

}  // namespace pg_exclusive::cli
