#include "pg_exclusive/detail/encoding.hpp"

#include <iconv.h>

#include <array>

namespace pg_exclusive::detail {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

// The name that iconv has for an encoding of PostgreSQL.
std::string iconv_name(std::string_view encoding) {
  std::string name(encoding);
  if (name.starts_with("WIN")) return "CP" + name.substr(3);
  if (name.starts_with("KOI8")) return "KOI8-" + name.substr(4);
  if (name == "LATIN10") return "ISO-8859-16";
  if (name == "EUC_JIS_2004") return "EUC-JISX0213";
  if (name == "SHIFT_JIS_2004") return "SHIFT_JISX0213";
  for (char &c : name) {
    if (c == '_') c = '-';
  }
  return name;
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(digits.find(text[i]) << 4 |
                                      digits.find(text[i + 1])));
  }
  return bytes;
}

std::string to_utf8(std::string_view text, std::string_view encoding) {
  std::string from(text);
  if (encoding == "UTF8") return from;
  iconv_t converter = iconv_open("UTF-8", iconv_name(encoding).c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return from;
  std::string to;
  char *in = from.data();
  std::size_t left = from.size();
  bool good = true;
  while (good && left > 0) {
    std::array<char, 256> buffer;
    char *out = buffer.data();
    std::size_t room = buffer.size();
    const std::size_t before = left;
    const std::size_t result = iconv(converter, &in, &left, &out, &room);
    to.append(buffer.data(), buffer.size() - room);
    good = result != static_cast<std::size_t>(-1) || left < before;
  }
  iconv_close(converter);
  return good ? to : std::string(text);
}

}  // namespace pg_exclusive::detail
