#include "base/format_time.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace pg_exclusive::cli {

std::string format_time(std::chrono::system_clock::time_point t) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(t);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%SZ", &parts);
  return text.data();
}

std::string format_duration(std::chrono::seconds duration) {
  const long long all = std::max<long long>(duration.count(), 0);
  const long long days = all / 86400;
  std::array<char, 48> text{};
  (void)std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld",
                      all / 3600 % 24, all / 60 % 60, all % 60);
  return (days > 0 ? std::to_string(days) + "d " : "") + text.data();
}

}  // namespace pg_exclusive::cli
