// libpq with owners, and its errors as ours.
#pragma once

#include <libpq-fe.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"

namespace pg_exclusive::pq {

struct finish {
  void operator()(PGconn *connection) const noexcept { PQfinish(connection); }
  void operator()(PGresult *result) const noexcept { PQclear(result); }
  void operator()(PGcancel *cancel) const noexcept { PQfreeCancel(cancel); }
  void operator()(PQconninfoOption *options) const noexcept {
    PQconninfoFree(options);
  }
};
using connection_ptr = std::unique_ptr<PGconn, finish>;
using result_ptr = std::unique_ptr<PGresult, finish>;

// Sends one simple statement and gives its rows; throws lock_error.
result_ptr exec(PGconn *connection, const std::string &sql,
                const std::vector<std::string> &parameters = {});

// The next result of a statement that was sent, and nothing after it.  When the
// server wants to copy, which we never ask for, the connection is of no use any
// more.
result_ptr take_result(PGconn *connection);

// Was it an error?  Then as lock_error: the server's, 08006 when the connection
// broke, or wrong_shape() when it is no answer to a statement.
std::optional<lock_error> error_of(PGconn *connection, const PGresult *result,
                                   const std::optional<lock_name> &name = {});

// What the server said last on a socket that it closed, without reading it away
// from libpq: "" when it is not in the clear.  Notices before it are skipped.
struct last_words {
  std::string sqlstate;
  std::string message;
};
last_words peek_last_words(int socket);

// Without white space at its end.
std::string trimmed(std::string text);

// The error of an answer that the server would not give: 08P01.
lock_error wrong_shape();

// What stands there.  These throw wrong_shape() when there is no such row or
// column, or when the value is none of that type.
std::string_view column(const PGresult *result, int row, int column);
bool is_null(const PGresult *result, int row, int column);
std::int64_t binary_int8(const PGresult *result, int row, int column);
bool binary_bool(const PGresult *result, int row, int column);
bool text_bool(const PGresult *result, int row, int column);

// The number that `text` spells, and nothing else.
template <class T>
T number(std::string_view text) {
  T value{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw wrong_shape();
  }
  return value;
}

}  // namespace pg_exclusive::pq
