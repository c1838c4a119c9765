// Splits what a server sends into messages, as long as it is not encrypted.
//
// https://www.postgresql.org/docs/current/protocol-message-formats.html: a type
// byte, then a length of four bytes that counts itself.  The answer to a
// request for encryption is a single byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace test_proxy {

// The first packet of a client: does it ask for encryption?
inline bool asks_for_encryption(std::string_view packet) {
  using std::string_view_literals::operator""sv;
  return packet == "\0\0\0\x08\x04\xd2\x16\x2f"sv ||  // TLS
         packet == "\0\0\0\x08\x04\xd2\x16\x30"sv;    // GSSAPI
}

class message_splitter {
 public:
  void add(std::string_view bytes) { pending_ += bytes; }
  // The server answers with one byte next.
  void expect_single_byte() { single_ = true; }
  // The connection is encrypted from its first byte on.
  void stop_splitting() { encrypted_ = true; }
  [[nodiscard]] bool encrypted() const { return encrypted_; }

  // The next whole message, or all there is when it is encrypted.  Empty:
  // nothing yet.
  std::string next() {
    if (encrypted_) return take(pending_.size());
    if (pending_.empty()) return "";
    if (single_) {
      single_ = false;
      encrypted_ = pending_[0] != 'N';
      return take(1);
    }
    if (pending_.size() < 5) return "";
    std::uint32_t length = 0;
    for (std::size_t i = 1; i < 5; ++i) {
      length = length << 8 | static_cast<unsigned char>(pending_[i]);
    }
    if (pending_.size() < length + std::size_t{1}) return "";
    return take(length + std::size_t{1});
  }
  // What is left when the server has closed the connection.
  std::string rest() { return take(pending_.size()); }

 private:
  std::string take(std::size_t size) {
    std::string bytes = pending_.substr(0, size);
    pending_.erase(0, size);
    return bytes;
  }

  std::string pending_;
  bool single_ = false;
  bool encrypted_ = false;
};

}  // namespace test_proxy
