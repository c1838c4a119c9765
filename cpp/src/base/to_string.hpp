// What people read.
#pragma once

#include <chrono>
#include <string>

namespace pg_exclusive::words {

// "2026-11-23 01:15:00Z"
std::string timestamp(std::chrono::system_clock::time_point moment);

}  // namespace pg_exclusive::words
