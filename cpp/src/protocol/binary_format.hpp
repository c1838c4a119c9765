// PostgreSQL's binary format, of the few types we send and receive.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pg_exclusive::binary_format {

// Object ids of types, fixed by PostgreSQL.
constexpr unsigned type_bool = 16;
constexpr unsigned type_char = 18;  // "char", one byte
constexpr unsigned type_int8 = 20;
constexpr unsigned type_text = 25;
constexpr unsigned type_text_array = 1009;
constexpr unsigned type_int8_array = 1016;

// A bigint as it travels.
struct int8 {
  explicit int8(std::int64_t value);
  std::array<char, 8> bytes{};
};

// Builds a one-dimensional array, element by element.
class array_builder {
 public:
  // `count` elements of the type with the object id `element`.
  array_builder(unsigned element, std::size_t count);
  void add(std::string_view text);
  void add(std::int64_t value);
  [[nodiscard]] const std::string &bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::int64_t read_int8(const char *bytes);

// The elements of a one-dimensional array without NULLs; they point into
// `bytes`.  Throws pq::wrong_shape() when it is none.
std::vector<std::string_view> read_array(std::string_view bytes);

// The elements of a bigint[] that may have NULLs.
std::vector<std::optional<std::int64_t>> read_int8_array(
    std::string_view bytes);

}  // namespace pg_exclusive::binary_format
