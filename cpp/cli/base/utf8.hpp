// UTF-8, independent of the locale.
#pragma once

#include <cstddef>
#include <string>

namespace pg_exclusive::cli {

/// The length of the character at `at` in bytes, 0 if there is none.
std::size_t utf8_length(const std::string &text, std::size_t at);

/// A byte as `\xNN`.
std::string escaped(char byte);

}  // namespace pg_exclusive::cli
