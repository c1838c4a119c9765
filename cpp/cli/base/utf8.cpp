#include "base/utf8.hpp"

#include <array>
#include <cstdio>

namespace pg_exclusive::cli {

std::size_t utf8_length(const std::string &text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = byte(1);
  const bool overlong_or_surrogate =
      (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
  return overlong_or_surrogate ? 0 : length;
}

std::string escaped(char byte) {
  std::array<char, 5> text{};
  (void)std::snprintf(text.data(), text.size(), "\\x%02x",
                      static_cast<unsigned char>(byte));
  return text.data();
}

}  // namespace pg_exclusive::cli
