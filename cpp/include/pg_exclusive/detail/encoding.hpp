/// @file
/// Names and texts on connections that have the program's encoding.
///
/// A name is UTF-8 here, and on a connection of the program's `client_encoding`
/// may be anything.  So names travel as hexadecimal digits, and the server
/// turns them into its own encoding, as it does for a client that speaks UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "pg_exclusive/export.hpp"

namespace pg_exclusive::detail {

/// Two hexadecimal digits for each byte.
[[nodiscard]] PG_EXCLUSIVE_EXPORT std::string to_hex(std::string_view bytes);

/// The bytes again.
[[nodiscard]] PG_EXCLUSIVE_EXPORT std::string from_hex(std::string_view digits);

/// What a message of the server is in UTF-8.  `encoding` is PostgreSQL's name
/// of what it is in.  A text that cannot be converted stays as it is.
[[nodiscard]] PG_EXCLUSIVE_EXPORT std::string to_utf8(
    std::string_view text, std::string_view encoding);

/// SQL for the text that the parameter `number` has in hexadecimal digits.
[[nodiscard]] inline std::string text_parameter(int number) {
  return "pg_catalog.convert_from(pg_catalog.decode($" +
         std::to_string(number) + ", 'hex'), 'UTF8')";
}

/// SQL for an expression of type text as hexadecimal digits of its UTF-8 form.
/// A database without an encoding has none to convert from.
[[nodiscard]] inline std::string hex_column(const std::string &expression) {
  return "pg_catalog.encode(pg_catalog.convert_to(" + expression +
         ", CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' "
         "THEN 'SQL_ASCII' ELSE 'UTF8' END), 'hex')";
}

}  // namespace pg_exclusive::detail
