// Reading the answers of the extension's internal functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/pq.hpp"
#include "protocol/request.hpp"

namespace pg_exclusive::detail {

// What `_details()` says: who holds what was refused, and what failed.
void read_details(std::string_view bytes, std::span<request *const> calls);

// Gives all of them the same error.
void fail_all(const lock_error &error, std::span<request *const> calls);

// A bigint[] of the first row.
std::vector<std::int64_t> read_tokens(const PGresult *result, int column);

// The interval that begin_run() is given.  It counts half of that.
std::string run_period(const once_options &options);

}  // namespace pg_exclusive::detail
