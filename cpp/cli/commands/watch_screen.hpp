// The live view on a terminal, with ncurses.
#pragma once

#include <functional>
#include <string>

#include "commands/watch_list.hpp"
#include "db/views.hpp"
#include "options/options.hpp"

namespace pg_exclusive::cli {

/// A look at the locks; throws tool_error when there is no answer.
using look = std::function<lock_snapshot()>;

/// Shows the locks until the user quits, with a key or Ctrl-C.
void watch_on_screen(const watch_options &wanted, const look &take);

}  // namespace pg_exclusive::cli
