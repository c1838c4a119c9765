// The clock that a lease is measured by.
#pragma once

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::cli {

using boot_time = boot_clock::time_point;

/// Stands for "no limit".
inline constexpr boot_time never = boot_time::max();

}  // namespace pg_exclusive::cli
