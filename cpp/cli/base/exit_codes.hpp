// The exit codes of the tool. The code of the command itself, and 128 + N when
// signal N ended it, are passed through. The tool's own codes follow
// sysexits.h where it has a fitting one.
#pragma once

namespace pg_exclusive::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_usage = 64;
/// What `check` found, as monitoring systems in the manner of Nagios expect it.
/// `doctor` uses the first three as well.
inline constexpr int exit_warning = 1;
inline constexpr int exit_critical = 2;
inline constexpr int exit_unknown = 3;
/// No primary server answers, the login fails, or the server has no room.
inline constexpr int exit_unavailable = 69;
/// The tool itself failed before the command was started.
inline constexpr int exit_internal = 70;
/// The system refused a process, a descriptor, memory or /proc.
inline constexpr int exit_system = 71;
/// The lock is held by another session, the wait timed out, the namespace is
/// paused, or its quota is used up.
inline constexpr int exit_busy = 75;
/// The command was ended because its lock was lost.
inline constexpr int exit_lost = 76;
inline constexpr int exit_already_ran = 77;
/// The namespace, the extension or a right is missing, or the system does not
/// allow a PID namespace.
inline constexpr int exit_config = 78;
/// The command could not be executed. The shell uses the same two codes.
inline constexpr int exit_cannot_execute = 126;
inline constexpr int exit_not_found = 127;

}  // namespace pg_exclusive::cli
