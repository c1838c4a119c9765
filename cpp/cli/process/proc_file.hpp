// What /proc tells of a process.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/unique_fd.hpp"

namespace pg_exclusive::cli {

/// Opens the file /proc/PID/NAME. The descriptor stays with exactly this
/// process, also when its pid is used again or read in another namespace.
/// Empty when there is no such process. @throws std::system_error otherwise
[[nodiscard]] unique_fd open_proc_file(pid_t pid, const char *name);

/// Returns the whole file as it is now. It is empty when there is no such
/// process, also when the process ends during the call.
/// @throws std::system_error when the file could not be read for another
/// reason.
[[nodiscard]] std::string read_proc_file(const unique_fd &file);
[[nodiscard]] std::string read_proc_file(pid_t pid, const char *name);

}  // namespace pg_exclusive::cli
