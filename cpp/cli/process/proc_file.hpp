// What /proc tells of a process.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/unique_fd.hpp"

namespace pg_exclusive::cli {

/// Opens the file /proc/PID/NAME. It goes on telling of exactly this process,
/// also where its pid means nothing (in another namespace) or another process.
[[nodiscard]] unique_fd open_proc_file(pid_t pid, const char *name);

/// All of it as it is now; empty when there is no such process, also when it
/// goes while we read. Never throws for that.
[[nodiscard]] std::string read_proc_file(const unique_fd &file);
[[nodiscard]] std::string read_proc_file(pid_t pid, const char *name);

}  // namespace pg_exclusive::cli
