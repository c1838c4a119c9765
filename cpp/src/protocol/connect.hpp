// Connecting with libpq, one address after the other.
//
// libpq gives `connect_timeout` to each address only in its blocking calls.  So
// the addresses are found here, and each gets its time until the caller is
// ready, not only until the login is over.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"
#include "protocol/pq.hpp"

namespace pg_exclusive::pq {

// A keyword and a value of a connection string.
struct keyword {
  const char *name;
  std::string value;
};

// Where one attempt goes to.  Without keywords it is libpq's default socket.
struct address {
  std::vector<keyword> where;
  std::string text;
};

// What a connection string comes to, with the environment, the service file
// and libpq's defaults.
struct targets {
  std::vector<address> addresses;
  std::optional<std::chrono::milliseconds> timeout;
  // The string itself says which kinds of server it wants.  It is not
  // overruled.
  bool chooses_servers = false;
};

// What the connection string says itself, and whether it says something of an
// option.
using options_ptr = std::unique_ptr<PQconninfoOption, finish>;
options_ptr parse(const std::string &conninfo);
bool says(const PQconninfoOption *options, const char *name);

// Throws lock_error 08001 for a connection string that cannot be used.
targets resolve(const std::string &conninfo);

struct attempt {
  const address &to;
  std::chrono::milliseconds timeout;
  boot_clock::time_point deadline;
};

struct settings {
  std::vector<keyword> defaults;  // where the connection string says nothing
  std::vector<keyword> fixed;     // whatever it says
};

// Connects to one address.  Calls `on_socket` for each socket that libpq makes,
// while no thread can fork.  Throws lock_error, with the server's SQLSTATE if
// it sent one, else 08001.
connection_ptr connect(const std::string &conninfo, const settings &with,
                       const attempt &now,
                       const std::function<void(int)> &on_socket);

// The error of an attempt that took too long.
lock_error too_slow(const attempt &now);

// After this error, may another address be better?
bool makes_way(const lock_error &error);

// Calls `use` with one address after the other until one works.  Each has
// `timeout`, or what connect_timeout says.
template <class F>
auto first_that_works(const std::string &conninfo,
                      std::chrono::milliseconds timeout, F &&use) {
  const targets all = resolve(conninfo);
  timeout = all.timeout.value_or(timeout);
  std::optional<lock_error> why;
  for (const auto &to : all.addresses) {
    try {
      return use(attempt{to, timeout, boot_clock::now() + timeout});
    } catch (const lock_error &error) {
      const bool standby = error.sqlstate() == "25006";
      if (!makes_way(error) || (standby && all.chooses_servers)) throw;
      // That one is a standby says more than that another is silent.
      if (!why || why->sqlstate() != "25006") why.emplace(error);
    }
  }
  throw lock_error(*why);
}

}  // namespace pg_exclusive::pq
