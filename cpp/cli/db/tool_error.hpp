// What errors mean to the shell.
#pragma once

#include <string>

#include "pg_exclusive/errors.hpp"

namespace pg_exclusive::cli {

/// An error that ends the tool: what it says, and its exit code.
struct tool_error {
  std::string message;
  std::string hint;
  int exit_code;
};

[[nodiscard]] int exit_code_of(const std::string &sqlstate);

/// The error in the tool's words. Hints speak of its options.
[[nodiscard]] tool_error describe(const lock_error &error);

}  // namespace pg_exclusive::cli
