/// @file
/// What names a lock: a namespace and a key.
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pg_exclusive/export.hpp"

namespace pg_exclusive {

/// The name of a lock: a namespace of 1 to 63 bytes, a key of 1 to 1,024, both
/// UTF-8 and compared byte by byte: never truncated, folded or normalised.
///
/// It owns its strings, and it is the only type that is accepted for a name.
/// A namespace is registered once, in SQL: `SELECT lock_namespace('jobs')`.
///
/// What is out of bounds is found by the call that uses the name: `lock_error`
/// 42602 for an empty part, 42622 for one that is too long, 22021 for a zero
/// byte.
///
/// @snippet examples/names.cpp names
///
/// Thread safety: that of `std::string`.
struct lock_name {
  std::string namespace_;  ///< the namespace, as registered
  std::string key;         ///< what is locked in it

  lock_name() = default;

  /// The lock `key` of the namespace `space`.
  lock_name(std::string space, std::string key)
      : namespace_(std::move(space)), key(std::move(key)) {}

  /// Refused by the compiler, because the name owns its strings.
  template <class Space, class Key>
  requires std::same_as<std::remove_cvref_t<Space>, std::string_view> ||
      std::same_as<std::remove_cvref_t<Key>, std::string_view>
      lock_name(Space && /*space*/, Key && /*key*/) {
    static_assert(!std::same_as<std::remove_cvref_t<Space>, std::string_view> &&
                      !std::same_as<std::remove_cvref_t<Key>, std::string_view>,
                  "a lock_name owns its strings; "
                  "turn each std::string_view into a std::string");
  }

  /// Splits `text` at the first slash: `jobs/nightly/eu` is the key
  /// `nightly/eu` of the namespace `jobs`.
  /// @throws lock_error 42602 when there is no slash or a part is empty.
  [[nodiscard]] PG_EXCLUSIVE_EXPORT static lock_name parse(
      std::string_view text);

  /// `namespace/key`, for people; not parsed back when the namespace has a
  /// slash.
  [[nodiscard]] std::string to_string() const { return namespace_ + '/' + key; }

  /// The 64-bit id of the lock, the same as SQL's `lock_id(namespace, key)`:
  /// the first 8 bytes, big-endian, of SHA-256(namespace || 0x00 || key).
  /// @throws lock_error when a part is out of bounds.
  [[nodiscard]] PG_EXCLUSIVE_EXPORT std::int64_t id() const;

  /// @throws lock_error when a part is empty, too long or has a zero byte.
  PG_EXCLUSIVE_EXPORT void check() const;

  /// By the bytes, namespace first.
  // clang-tidy 14 takes the 0 that this is compared with for a pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  auto operator<=>(const lock_name &) const = default;
  /// True iff all bytes are the same.
  bool operator==(const lock_name &) const = default;
};

}  // namespace pg_exclusive

// So that names can be keys of unordered containers.
/// @cond
template <>
struct std::hash<pg_exclusive::lock_name> {
  std::size_t operator()(const pg_exclusive::lock_name &name) const noexcept {
    const std::size_t h = std::hash<std::string>{}(name.namespace_);
    return std::rotl(h, 7) ^ std::hash<std::string>{}(name.key);
  }
};
/// @endcond
