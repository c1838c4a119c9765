// A plain SQL session on libpq that is never stuck: every statement has a
// deadline, and a session that misses it is closed.

#ifndef PG_EXCLUSIVE_TEST_STRESS_NODES_SESSION_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_NODES_SESSION_HPP_

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace harness {

// What a statement came to.  `lost`: the connection broke or was too slow, and
// nobody can tell whether the statement was executed.
struct Answer {
  enum class Kind : std::uint8_t { kOk, kError, kLost };
  Kind kind = Kind::kLost;
  std::string sqlstate;
  std::string message;
  std::vector<std::vector<std::optional<std::string>>> rows;

  bool ok() const { return kind == Kind::kOk; }
  bool lost() const { return kind == Kind::kLost; }
  // The only value is true.
  bool yes() const;
  // The first column of the first row as a number, 0 if there is none.
  std::int64_t number() const;
};

// As text; nothing is NULL.
using Parameters = std::vector<std::optional<std::string>>;

class Session {
 public:
  // Connects; connected() tells whether that worked.  One attempt.
  explicit Session(const std::string &conninfo);

  bool connected() const;
  void close() { connection_.reset(); }
  int backend_pid() const;

  // Runs one statement with text parameters, for at most `patience`.
  Answer exec(const std::string &sql, const Parameters &parameters = {},
              std::chrono::milliseconds patience = std::chrono::seconds(5));

  // Rests, but notices when the server ends the session meanwhile: false then.
  bool rest(std::chrono::milliseconds duration);

 private:
  struct Close {
    void operator()(PGconn *connection) const { PQfinish(connection); }
  };
  bool wait(short events, std::chrono::steady_clock::time_point deadline);
  Answer collect(std::chrono::steady_clock::time_point deadline);

  std::unique_ptr<PGconn, Close> connection_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_NODES_SESSION_HPP_
