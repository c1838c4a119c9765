#include "pg_exclusive/lock_name.hpp"

#include <openssl/sha.h>

#include <array>

#include "pg_exclusive/detail/client_access.hpp"
#include "pg_exclusive/errors.hpp"

namespace pg_exclusive {
namespace {

constexpr std::size_t longest_namespace = 63;
constexpr std::size_t longest_key = 1024;

void check_part(const lock_name &name, const char *what,
                const std::string &part, std::size_t longest) {
  if (part.empty()) {
    throw lock_error(std::string(what) + " must not be empty", "42602", name);
  }
  if (part.size() > longest) {
    throw lock_error(std::string(what) + " must not be longer than " +
                         std::to_string(longest) + " bytes",
                     "42622", name,
                     "It is " + std::to_string(part.size()) +
                         " bytes long.  Names are never truncated.");
  }
  if (part.find('\0') != std::string::npos) {
    throw lock_error(std::string(what) + " must not have a zero byte", "22021",
                     name);
  }
}

}  // namespace

lock_name lock_name::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 ||
      slash + 1 == text.size()) {
    throw lock_error("lock name \"" + std::string(text) +
                         "\" is not of the form NAMESPACE/KEY",
                     "42602");
  }
  return {std::string(text.substr(0, slash)),
          std::string(text.substr(slash + 1))};
}

void lock_name::check() const {
  check_part(*this, "lock namespace", namespace_, longest_namespace);
  check_part(*this, "lock key", key, longest_key);
}

void detail::check_slot(std::string_view slot, const lock_name &name) {
  if (slot.find('\0') == std::string_view::npos) return;
  throw lock_error("slot must not have a zero byte", "22021", name);
}

std::int64_t lock_name::id() const {
  check();
  std::string bytes = namespace_;
  bytes.push_back('\0');
  bytes += key;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size(),
         digest.data());
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 8; ++i) id = id << 8 | digest[i];
  return static_cast<std::int64_t>(id);
}

}  // namespace pg_exclusive
