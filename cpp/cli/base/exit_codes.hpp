// Exit codes of the tool. A command's own code, and 128 + N for a signal, are
// passed through; these are ours, as sysexits.h has them where it has one.
#pragma once

namespace pg_exclusive::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_usage = 64;
inline constexpr int exit_unavailable = 69;  ///< no primary, login, room
inline constexpr int exit_internal = 70;     ///< see front.hpp
inline constexpr int exit_system = 71;       ///< fork, pipes, memory
inline constexpr int exit_taken = 75;  ///< or timed out, paused, over a quota
inline constexpr int exit_lost = 76;   ///< see guard.hpp
inline constexpr int exit_already_ran = 77;
inline constexpr int exit_config =
    78;  ///< no namespace, no right, no extension
// 126 and 127: see command.hpp

}  // namespace pg_exclusive::cli
