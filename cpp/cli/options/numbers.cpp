#include "options/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <stdexcept>

namespace pg_exclusive::cli {

bool is_plain_number(const std::string &text, bool whole) {
  const auto digits = text.find_first_not_of("0123456789");
  if (text.empty() || text.back() == '.' ||
      (whole && digits != std::string::npos)) {
    return false;
  }
  return digits == std::string::npos ||
         (text[digits] == '.' &&
          text.find_first_not_of("0123456789", digits + 1) ==
              std::string::npos);
}

std::chrono::seconds read_period(const std::string &option,
                                 const std::string &text) {
  static const std::map<std::string, double> units{
      {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
  const auto unit_at =
      std::min(text.find_first_not_of("0123456789."), text.size());
  const auto unit = units.find(text.substr(unit_at));
  const std::string number = text.substr(0, unit_at);
  if (unit == units.end() || !is_plain_number(number, false)) {
    throw std::invalid_argument(
        option + ": \"" + text +
        "\" is not a number with one of the units s, min, h, d, w");
  }
  const double length = std::strtod(number.c_str(), nullptr) * unit->second;
  if (!(length >= 1 && length <= ten_years)) {
    throw std::invalid_argument(
        option + ": a period is between one second and ten years");
  }
  if (length != std::floor(length)) {
    throw std::invalid_argument(option + ": \"" + text +
                                "\" is not a whole number of seconds");
  }
  return std::chrono::seconds{std::llround(length)};
}

}  // namespace pg_exclusive::cli
