#include "commands/terminal_type.hpp"

#include <ncurses.h>
#include <term.h>
#include <unistd.h>

#include <cstdlib>

#include "base/exit_codes.hpp"

namespace pg_exclusive::cli {

tool_error unknown_terminal() {
  const char *type = std::getenv("TERM");
  return {std::string{"the terminal type \""} + (type != nullptr ? type : "") +
              "\" is not known",
          "set TERM, or add \"| cat\" for plain text", exit_config};
}

bool has_screen() {
  int status = 0;
  if (setupterm(nullptr, STDOUT_FILENO, &status) != OK) {
    throw unknown_terminal();
  }
  // A terminal that cannot move its cursor ("dumb") gets plain text.
  const char *move = tigetstr("cup");
  return move != nullptr && move != reinterpret_cast<char *>(-1);
}

}  // namespace pg_exclusive::cli
