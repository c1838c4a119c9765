// What is said to the server: calls of the extension's functions, or, without
// the extension, of the built-in advisory lock functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/pipeline.hpp"
#include "protocol/pq.hpp"
#include "protocol/request.hpp"

namespace pg_exclusive::detail {

// A lock that a heartbeat asks for.  Without the extension the token that
// identifies it is the lock's id.
struct held_lock {
  std::int64_t token;
  lock_mode mode;
};

// A lock, or a permit of a semaphore with so many, that is waited for.
struct wanted_lock {
  const lock_name &name;
  lock_mode mode;
  int permits;
};

struct heartbeat_reply {
  std::int64_t nonce = 0;
  std::vector<std::int64_t> lost;  // tokens
  bool extension_appeared = false;
};

// How waiting for a lock ended.
struct wait_answer {
  std::optional<std::int64_t> token;  // none: timed out
  std::optional<lock_error> error;
};

// What the last statement of a preparation asks: the nonce, a number that only
// this backend knows, then what tells that it is still the same backend.
inline std::string last_look(const std::string &nonce) {
  return "SELECT " + nonce +
         ", pg_catalog.pg_backend_pid(), "
         "pg_catalog.current_setting('idle_session_timeout')";
}

class protocol {
 public:
  protocol() = default;
  protocol(const protocol &) = delete;
  protocol &operator=(const protocol &) = delete;
  virtual ~protocol() = default;

  [[nodiscard]] virtual bool has_tokens() const = 0;
  // The schema of the extension, quoted; none without it.
  [[nodiscard]] virtual std::optional<std::string> schema() const = 0;
  // Returns true when a lock might be held after an error in an acquire.
  [[nodiscard]] virtual bool error_may_leave_lock() const = 0;

  // Makes a new session ready.  The last statement that it adds is `last_look`.
  virtual void prepare(pq::pipeline &to) const = 0;

  // Sends one or more requests in one statement.  One that is `alone()` has to
  // be the only one.  Returns false when they could not be sent.
  virtual bool send(PGconn *connection, std::span<request *const> calls) = 0;
  // Fills in the answers, or the error of each.
  virtual void receive(PGconn *connection, const PGresult *result,
                       std::span<request *const> calls) = 0;

  virtual bool send_heartbeat(PGconn *connection,
                              std::span<const held_lock> held) = 0;
  virtual heartbeat_reply read_heartbeat(const PGresult *result,
                                         std::span<const held_lock> held) = 0;

  // Waits in the server's queue, on a session that holds nothing.
  virtual bool send_wait(PGconn *connection, const wanted_lock &lock,
                         std::optional<std::chrono::milliseconds> wait) = 0;
  virtual wait_answer read_wait(PGconn *connection, const PGresult *result,
                                const lock_name &name) = 0;
};

// With the extension, in the schema `schema` (quoted).
std::unique_ptr<protocol> make_extension_protocol(std::string schema);
// Without the extension.
std::unique_ptr<protocol> make_builtin_protocol();

}  // namespace pg_exclusive::detail
