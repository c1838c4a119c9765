// How the library makes holds, and runs statements under them.
#pragma once

#include <functional>
#include <utility>

#include "client_core/client_core.hpp"
#include "pg_exclusive/hold.hpp"

namespace pg_exclusive::detail {

struct hold_access {
  static result<hold> from(attempt &&tried) {
    if (!tried) return result<hold>(tried.outcome(), tried.refused_by());
    return result<hold>(std::in_place, hold(*std::move(tried)));
  }
  static grant &leave(hold &held) { return held.leave(); }
  // From here on another thread may give it back.
  static void unbind(const hold &held) {
    const std::lock_guard guard(held.grant_->at->access);
    held.grant_->at->forget_owner(*held.grant_);
  }
};

// Runs `statement` alone on the session of a hold; throws what it throws, and
// lock_lost when the session broke.
void run_statement(const grant &held,
                   const std::function<void(PGconn *)> &statement);

}  // namespace pg_exclusive::detail
