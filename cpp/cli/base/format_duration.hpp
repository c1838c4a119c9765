// Durations, for people. Moments are written by the library's to_string().
#pragma once

#include <chrono>
#include <string>

namespace pg_exclusive::cli {

/// `00:12:03`, with `3d ` in front when it is that long.
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);

}  // namespace pg_exclusive::cli
