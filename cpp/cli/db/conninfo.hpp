// The connection string of the tool.
#pragma once

#include <string>

#include "options/options.hpp"

namespace pg_exclusive::cli {

/// Returns a libpq connection string made from the options. What they leave
/// open, libpq takes from the environment, service files and password files.
/// Asks for a password on the terminal if that was asked for.
/// @throws lock_error 08001 when the connection string cannot be read.
[[nodiscard]] std::string make_conninfo(const connection_options &from);

/// Returns `pg_exclusive@HOST:PID`, the default application name of `run`.
/// The pid is the calling process's, so that others can signal it. A long host
/// name is cut, because the server keeps 63 bytes.
[[nodiscard]] std::string own_application_name();

/// Makes passwords in the arguments unreadable in the process list.
void hide_passwords(int argc, char **argv);

}  // namespace pg_exclusive::cli
