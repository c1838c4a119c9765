// What the tool says on stderr.
#pragma once

#include <string>

namespace pg_exclusive::cli {

/// Writes "pg_exclusive: TEXT" and a newline to stderr, in one write, so that
/// lines of the tool's processes and of the command do not mix.
void say(const std::string &text);

}  // namespace pg_exclusive::cli
