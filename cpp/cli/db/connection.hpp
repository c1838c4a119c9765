// How the tool connects, and what its errors mean to the shell.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "options/options.hpp"
#include "pg_exclusive/errors.hpp"

namespace pg_exclusive::cli {

/// A libpq connection string from the options; what they leave open libpq
/// takes from the environment, service files and password files. Asks for a
/// password on the terminal if that was asked for.
/// @throws lock_error 08001 when the connection string is none.
[[nodiscard]] std::string make_conninfo(const connection_options &from);

/// Makes passwords of a connection string unreadable in the process list.
void hide_passwords(int argc, char **argv);

/// An error that is to end the tool: what to say, and the exit code.
struct tool_error {
  std::string message;
  std::string hint;
  int exit_code;
};

[[nodiscard]] int exit_code_of(const std::string &sqlstate);
[[nodiscard]] tool_error describe(const lock_error &error);

/// A session for questions, with the extension's schema at hand.
class database {
 public:
  /// @throws tool_error
  explicit database(const connection_options &from);

  /// Runs one statement. @throws tool_error
  pqxx::result ask(const std::string &sql);
  /// The extension's schema and a dot, to be put before its objects.
  [[nodiscard]] const std::string &schema() const { return schema_; }
  /// A literal for a statement.
  [[nodiscard]] std::string quote(const std::string &text);

 private:
  pqxx::connection connection_;
  std::string schema_;
};

}  // namespace pg_exclusive::cli
