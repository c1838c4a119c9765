// What /proc tells of a process.
#pragma once

#include <sys/types.h>

#include <string>

namespace pg_exclusive::cli {

/// The file /proc/PID/NAME; empty when there is no such process, also when it
/// goes while we read. Never throws for that.
[[nodiscard]] std::string read_proc_file(pid_t pid, const char *name);

}  // namespace pg_exclusive::cli
