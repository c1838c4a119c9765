// Numbers and periods, as strictly as they have to be read.
#pragma once

#include <chrono>
#include <string>

namespace pg_exclusive::cli {

/// The longest time that can be asked for, in seconds.
inline constexpr double ten_years = 3650 * 86400.0;

/// Is the text digits, with a fraction if `whole` is false? A sign, blanks, an
/// exponent and the hexadecimal form, which std::strtod() takes, are refused.
[[nodiscard]] bool is_plain_number(const std::string &text, bool whole);

/// Reads a period such as `1d`. A number without a unit, or a unit without a
/// number ("${N}d" with an unset variable), is an error, and so is a fraction
/// of a second. `option` is named in the message.
/// @throws std::invalid_argument
[[nodiscard]] std::chrono::seconds read_period(const std::string &option,
                                               const std::string &text);

}  // namespace pg_exclusive::cli
