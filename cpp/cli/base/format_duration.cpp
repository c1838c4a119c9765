#include "base/format_duration.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace pg_exclusive::cli {

std::string format_duration(std::chrono::seconds duration) {
  const long long all = std::max<long long>(duration.count(), 0);
  const long long days = all / 86400;
  std::array<char, 48> text{};
  (void)std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld",
                      all / 3600 % 24, all / 60 % 60, all % 60);
  return (days > 0 ? std::to_string(days) + "d " : "") + text.data();
}

}  // namespace pg_exclusive::cli
