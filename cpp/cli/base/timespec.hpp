// Durations as the kernel takes them.
#pragma once

#include <chrono>
#include <ctime>

namespace pg_exclusive::cli {

/// The fields of a timespec are narrower than a duration where long has 32
/// bits.
inline timespec to_timespec(std::chrono::nanoseconds duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
  timespec result{};
  result.tv_sec = static_cast<decltype(result.tv_sec)>(seconds.count());
  result.tv_nsec =
      static_cast<decltype(result.tv_nsec)>((duration - seconds).count());
  return result;
}

}  // namespace pg_exclusive::cli
