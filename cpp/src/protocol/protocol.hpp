// What is said to the server: in the words of the extension, or, without it, of
// the built-in advisory locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/pq.hpp"
#include "protocol/request.hpp"

namespace pg_exclusive::detail {

// A lock that a heartbeat asks for.  Without the extension the token that
// identifies it is the lock's id.
struct held_lock {
  std::int64_t token;
  lock_mode mode;
  std::optional<lock_name> name = {};  // of a lease
};

// A lock, or a permit of a semaphore with so many, that is waited for.
struct wanted_lock {
  const lock_name &name;
  lock_mode mode;
  int permits;
};

// What a heartbeat answers.
struct heartbeat_reply {
  std::int64_t nonce = 0;
  std::vector<std::int64_t> lost;   // tokens
  std::vector<std::int64_t> asked;  // tokens of those asked to yield
  bool extension_appeared = false;
};

// What waiting for a lock came to.
struct wait_answer {
  std::optional<std::int64_t> token;  // none: timed out
  std::optional<lock_error> error;
};

// What the last statement of the preparation told.
struct prepared {
  std::int64_t nonce = 0;  // a number that only this backend knows
  int backend_pid = 0;
  std::string lease;            // idle_session_timeout, as the server prints it
  boot_clock::time_point sent;  // before it was sent
};

// Asks for them: the nonce is `expression`, with what it is selected `from`.
prepared last_look(PGconn *connection, const std::string &expression,
                   const std::string &from);

class protocol {
 public:
  protocol() = default;
  protocol(const protocol &) = delete;
  protocol &operator=(const protocol &) = delete;
  virtual ~protocol() = default;

  [[nodiscard]] virtual bool has_tokens() const = 0;
  // Locks are leases: no session holds them.
  [[nodiscard]] virtual bool has_leases() const { return false; }
  // After an error in an acquire: might the lock be held all the same?
  [[nodiscard]] virtual bool error_may_leave_lock() const = 0;

  // Makes a new session ready.
  virtual prepared prepare(PGconn *connection) = 0;

  // One or more takes, unlocks and holds in one statement.  False: not sent.
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

  // Records of runs outside the database.
  virtual bool begin_run(PGconn *connection, const lock_name &name,
                         std::int64_t token, std::string_view slot,
                         const once_options &options) = 0;
  virtual void finish_run(PGconn *connection, const lock_name &name,
                          std::int64_t token, std::string_view slot,
                          bool succeeded) = 0;
};

// With the extension, in the schema `schema` (quoted).
std::unique_ptr<protocol> make_extension_protocol(std::string schema);
// The same with leases of that length, which work behind a transaction pooler.
std::unique_ptr<protocol> make_lease_protocol(std::string schema,
                                              std::chrono::milliseconds ttl);
// Without.
std::unique_ptr<protocol> make_builtin_protocol();

}  // namespace pg_exclusive::detail
