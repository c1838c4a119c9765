// Asks for a password without showing what is typed.
#pragma once

#include <string>

namespace pg_exclusive::cli {

/// A line from the terminal, typed without being shown. Empty without a
/// terminal.
[[nodiscard]] std::string ask_password();

}  // namespace pg_exclusive::cli
