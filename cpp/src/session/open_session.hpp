// Opening a lock session, and what other connections have in common with it.
#pragma once

#include <string>
#include <vector>

#include "pg_exclusive/client_options.hpp"
#include "protocol/connect.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

// Connects to one address after the other, and makes sure that it is what it
// should be.
opened open_session(const client_core &owner, const std::string &conninfo);

// For a link that is dead to be noticed before the lease is over.
std::vector<pq::keyword> link_settings(const client_options &options);

// 25006.
lock_error standby_error();

}  // namespace pg_exclusive::detail
