// The live view on a terminal, with ncurses.
#pragma once

#include <functional>
#include <string>

#include "commands/watch_list.hpp"
#include "db/views.hpp"
#include "options/options.hpp"

namespace pg_exclusive::cli {

/// A look at the locks. Throws tool_error when there is no answer.
using look = std::function<lock_snapshot()>;

/// Shows the locks until the user quits, and ends the process. A look may hang
/// at a server that is silent, so it runs in a thread of its own, and quitting
/// does not wait for it.
[[noreturn]] void watch_on_screen(const watch_options &wanted,
                                  const lock_snapshot &first, const look &take);

}  // namespace pg_exclusive::cli
