/// @file
/// What became of a call that could be refused.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/holder_info.hpp"

namespace pg_exclusive {

/// What became of it.
enum class outcome {
  acquired,    ///< the lock was acquired; a task under it ran
  busy,        ///< another holder has the lock, and the call did not wait
  timed_out,   ///< another holder had the lock for as long as the call waited
  stopped,     ///< a stop was requested while the call waited
  already_ran  ///< this slot has had its successful run
};

/// Returns the outcome in words, such as `acquired`, `busy` or `timed out`.
[[nodiscard]] PG_EXCLUSIVE_EXPORT const char *to_string(
    outcome outcome) noexcept;

namespace detail {

struct nothing {};

/// How a result is kept: a reference as a pointer, void as nothing.
template <class T>
struct kept {
  using type = T;
};
template <class T>
struct kept<T &> {
  using type = std::reference_wrapper<T>;
};
template <>
struct kept<void> {
  using type = nothing;
};

}  // namespace detail

/// Whether a task ran and what it returned, or why not.  Busy is a value here,
/// never an exception, and never mixed up with what the task returned: a task
/// that returns false did run.
///
/// `T` may be void, a reference or move-only.  Thread safety: that of `T`.
///
/// @snippet examples/result.cpp result
template <class T>
class [[nodiscard(
    "the call may have been refused; look at its result")]] result {
  using kept_type = typename detail::kept<T>::type;

 public:
  /// It did not run: `why` is not `outcome::acquired`.
  explicit result(pg_exclusive::outcome why,
                  std::optional<holder_info> holder = {})
      : outcome_(why), holder_(std::move(holder)) {}

  /// It ran and returned this.
  template <class... U>
  explicit result(std::in_place_t, U && ...value)
      : value_(std::in_place, std::forward<U>(value)...) {}

  /// Returns true iff it ran.
  explicit operator bool() const noexcept { return value_.has_value(); }
  /// Returns true iff it ran.
  [[nodiscard]] bool ran() const noexcept { return value_.has_value(); }
  /// What became of it.
  [[nodiscard]] pg_exclusive::outcome outcome() const noexcept {
    return outcome_;
  }
  /// Who had the lock, when it was refused and when that is known.
  [[nodiscard]] const std::optional<holder_info> &refused_by() const noexcept {
    return holder_;
  }

  /// What the task returned.
  /// @throws lock_error 55P03 when it did not run.
  decltype(auto) value() & { return get(*this); }
  /// What the task returned; throws as above.
  decltype(auto) value() const & { return get(*this); }
  /// What the task returned, moved out; throws as above.
  decltype(auto) value() && { return get(std::move(*this)); }

  /// The same as `value()`.
  decltype(auto) operator*() & { return get(*this); }
  /// The same as `value()`.
  decltype(auto) operator*() const & { return get(*this); }
  /// The same as `value()`, moved out.
  decltype(auto) operator*() && { return get(std::move(*this)); }

  /// A member of what the task returned.
  auto *operator->() requires(!std::is_void_v<T>) { return &get(*this); }
  /// A member of what the task returned.
  const auto *operator->() const requires(!std::is_void_v<T>) {
    return &get(*this);
  }

 private:
  template <class Self>
  static decltype(auto) get(Self && self) {
    if (!self.value_.has_value()) {
      throw lock_error(std::string("did not run: ") + to_string(self.outcome_),
                       "55P03");
    }
    if constexpr (std::is_void_v<T>) {
      return;
    } else if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(self.value_->get());
    } else {
      return (*std::forward<Self>(self).value_);
    }
  }

  pg_exclusive::outcome outcome_ = pg_exclusive::outcome::acquired;
  std::optional<holder_info> holder_;
  std::optional<kept_type> value_;
};

}  // namespace pg_exclusive
