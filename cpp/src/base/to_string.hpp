// What people read.
#pragma once

#include <chrono>
#include <string>

namespace pg_exclusive {

// "2026-11-23 01:15:00Z"
std::string to_string(std::chrono::system_clock::time_point moment);

}  // namespace pg_exclusive
