// What the tool says on stderr.
#pragma once

#include <string>

namespace pg_exclusive::cli {

/// Makes messages JSON from now on, one object a line, {"message": TEXT, ...}.
void print_messages_as_json();

/// Something to tell.
struct message {
  std::string text;
  std::string hint = {};     ///< what to do about it; may be empty
  std::string details = {};  ///< for programs: a JSON object, or empty
};

/// Writes "pg_exclusive: TEXT" and a newline to stderr, and the same for the
/// hint, in one write, so that lines of the tool's processes and of the command
/// do not mix.
void print_message(const message &what);
void print_message(const std::string &text);

}  // namespace pg_exclusive::cli
