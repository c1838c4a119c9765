// libpq with owners, and its errors as ours.
#pragma once

#include <libpq-fe.h>

#include <chrono>
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

// A keyword and a value of a connection string.
struct keyword {
  const char *name;
  std::string value;
};

// Connects with `conninfo`, and `extra` where it says nothing itself.  Each
// host gets `timeout`, or what connect_timeout says.  Throws lock_error, with
// the server's SQLSTATE if it sent one, else 08001.
connection_ptr connect(const std::string &conninfo,
                       const std::vector<keyword> &extra,
                       std::chrono::milliseconds timeout);

// `conninfo` for a connection that somebody else opens: one that does not wait
// for ever, and of several hosts finds the primary.
std::string for_transactions(const std::string &conninfo,
                             std::chrono::milliseconds timeout);

// Sends one simple statement and gives its rows; throws lock_error.
result_ptr exec(PGconn *connection, const std::string &sql,
                const std::vector<std::string> &parameters = {});

// Prepares a statement; throws lock_error.
void prepare(PGconn *connection, const char *name, const std::string &sql,
             const std::vector<Oid> &types);

// The next result of a statement that was sent, and nothing after it.
result_ptr take_result(PGconn *connection);

// Was it an error?  Then as lock_error: the server's, or 08006 when the
// connection broke.
std::optional<lock_error> error_of(PGconn *connection, const PGresult *result,
                                   const std::optional<lock_name> &name = {});

// What the server said last on a socket that it closed, without reading it away
// from libpq: "" when it is not in the clear.
struct last_words {
  std::string sqlstate;
  std::string message;
};
last_words peek_last_words(int socket);

// Without white space at its end.
std::string trimmed(std::string text);

std::string_view column(const PGresult *result, int row, int column);
bool is_null(const PGresult *result, int row, int column);

}  // namespace pg_exclusive::pq
