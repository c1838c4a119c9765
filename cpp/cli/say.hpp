// What the tool says on stderr.
#pragma once

#include <string>

namespace pg_exclusive::cli {

/// From now on messages are JSON, one object a line: {"message": TEXT, ...}.
void say_json();

/// Writes "pg_exclusive: TEXT" and a newline to stderr, in one write, so that
/// lines of the tool's processes and of the command do not mix. `details`, a
/// JSON object or nothing, is for programs.
void say(const std::string &text, const std::string &details = {});

}  // namespace pg_exclusive::cli
