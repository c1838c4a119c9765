#include "protocol/binary_format.hpp"

#include "protocol/pq.hpp"

namespace pg_exclusive::binary_format {
namespace {

void put_int4(std::string &to, std::uint32_t value) {
  const std::array<char, 4> bytes{
      static_cast<char>(value >> 24), static_cast<char>(value >> 16),
      static_cast<char>(value >> 8), static_cast<char>(value)};
  to.append(bytes.data(), bytes.size());
}

void put_int8(char *to, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(bits >> (56 - 8 * i));
}

// Reads an array from the front; whatever does not fit is an error.
class array_reader {
 public:
  explicit array_reader(std::string_view bytes) : left_(bytes) {
    const std::uint32_t dimensions = int4();
    int4();  // has NULLs
    int4();  // element type
    if (dimensions == 0) return;
    if (dimensions != 1) throw pq::wrong_shape();
    count_ = int4();
    int4();  // lower bound
    // Each element has four bytes at least.
    if (count_ > left_.size() / 4) throw pq::wrong_shape();
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  std::optional<std::string_view> next() {
    const std::uint32_t size = int4();
    if (size == UINT32_MAX) return std::nullopt;
    return take(size);
  }

 private:
  std::string_view take(std::size_t size) {
    if (left_.size() < size) throw pq::wrong_shape();
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::uint32_t int4() {
    std::uint32_t value = 0;
    for (const char c : take(4)) {
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }

  std::string_view left_;
  std::size_t count_ = 0;
};

}  // namespace

int8::int8(std::int64_t value) { put_int8(bytes.data(), value); }

array_builder::array_builder(unsigned element, std::size_t count) {
  bytes_.reserve(20 + count * 16);
  put_int4(bytes_, count == 0 ? 0 : 1);  // dimensions
  put_int4(bytes_, 0);                   // no NULLs
  put_int4(bytes_, element);
  if (count == 0) return;
  put_int4(bytes_, static_cast<std::uint32_t>(count));
  put_int4(bytes_, 1);  // lower bound
}

void array_builder::add(std::string_view text) {
  put_int4(bytes_, static_cast<std::uint32_t>(text.size()));
  bytes_.append(text);
}

void array_builder::add(std::int64_t value) {
  put_int4(bytes_, 8);
  bytes_.append(int8(value).bytes.data(), 8);
}

std::int64_t read_int8(const char *bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<std::int64_t>(value);
}

std::vector<std::string_view> read_array(std::string_view bytes) {
  array_reader reader(bytes);
  std::vector<std::string_view> elements(reader.count());
  for (auto &element : elements) {
    element = reader.next().value_or(std::string_view{});
  }
  return elements;
}

std::vector<std::optional<std::int64_t>> read_int8_array(
    std::string_view bytes) {
  array_reader reader(bytes);
  std::vector<std::optional<std::int64_t>> elements(reader.count());
  for (auto &element : elements) {
    const auto value = reader.next();
    if (!value) continue;
    if (value->size() != 8) throw pq::wrong_shape();
    element = read_int8(value->data());
  }
  return elements;
}

}  // namespace pg_exclusive::binary_format
