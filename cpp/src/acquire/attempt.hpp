// What an attempt to acquire a lock comes to.
#pragma once

#include <memory>

#include "pg_exclusive/result.hpp"
#include "session/grant.hpp"

namespace pg_exclusive::detail {

using grant_ptr = std::shared_ptr<grant>;
// A grant, or who has the lock.
using attempt = result<grant_ptr>;

}  // namespace pg_exclusive::detail
