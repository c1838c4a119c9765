// Times and durations, for people.
#pragma once

#include <chrono>
#include <string>

namespace pg_exclusive::cli {

/// `2026-11-23 02:15:00Z`
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point t);

/// `00:12:03`, with `3d ` in front when it is that long.
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);

}  // namespace pg_exclusive::cli
