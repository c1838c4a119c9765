// Asks for a password where nobody can read it.
#pragma once

#include <string>

namespace pg_exclusive::cli {

/// A line from the terminal, typed without being shown. Empty without a
/// terminal.
[[nodiscard]] std::string ask_password();

}  // namespace pg_exclusive::cli
