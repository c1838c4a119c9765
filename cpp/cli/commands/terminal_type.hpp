// What the terminal can do, from its entry in terminfo.
#pragma once

#include "db/tool_error.hpp"

namespace pg_exclusive::cli {

/// $TERM names no terminal that is known.
[[nodiscard]] tool_error unknown_terminal();

/// Can the terminal move its cursor, as the live view needs it?
/// @throws tool_error when its type is not known.
[[nodiscard]] bool has_screen();

}  // namespace pg_exclusive::cli
