// How the library makes holds and takes them apart.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "acquire/acquire_all.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/hold.hpp"

namespace pg_exclusive::detail {

struct hold_access {
  static result<hold> from(attempt &&tried) {
    if (!tried) return result<hold>(tried.outcome(), tried.refused_by());
    return result<hold>(std::in_place, hold(*std::move(tried)));
  }
  static hold from(grant_ptr &&granted) { return hold(std::move(granted)); }
  // They are released together when they are destroyed together.
  static void group(const std::vector<hold> &holds) {
    const auto all = std::make_shared<release_group>(holds.size());
    for (const auto &held : holds) held.grant_->group = all;
  }
  static grant &leave(hold &held) { return held.leave(); }
  // From here on another thread may give it back.
  static void unbind(const hold &held) {
    const std::lock_guard guard(held.grant_->at->access);
    held.grant_->at->forget_owner(*held.grant_);
  }
};

}  // namespace pg_exclusive::detail
