#include "pg_exclusive/clock.hpp"

#include <ctime>

namespace pg_exclusive {

boot_clock::time_point boot_clock::now() noexcept {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return time_point(std::chrono::seconds(t.tv_sec) +
                    std::chrono::nanoseconds(t.tv_nsec));
}

std::chrono::system_clock::time_point to_system(
    boot_clock::time_point moment) noexcept {
  using system = std::chrono::system_clock;
  return system::now() + std::chrono::duration_cast<system::duration>(
                             moment - boot_clock::now());
}

}  // namespace pg_exclusive
