#include "protocol/connect.hpp"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "base/fork_guard.hpp"

namespace pg_exclusive::pq {
namespace {

// Stands for a passphrase that nobody gave.  Without any, OpenSSL would read
// one from the terminal or from standard input, which are the program's.
constexpr const char *no_passphrase = "(none)";

// libpq tells an SQLSTATE of a refused login only inside the text, and only
// when asked to be verbose: "FATAL:  28P01: password authentication failed".
lock_error connect_error(const PGconn *connection) {
  std::string text = trimmed(PQerrorMessage(connection));
  std::string state = "08001";
  for (std::size_t at = text.find(":  "); at != std::string::npos;
       at = text.find(":  ", at + 1)) {
    const std::string word = text.substr(at + 3, 5);
    if (text.compare(at + 8, 2, ": ") != 0) continue;
    bool is_state = word.size() == 5;
    for (const char c : word) {
      is_state = is_state && (std::isupper(static_cast<unsigned char>(c)) ||
                              std::isdigit(static_cast<unsigned char>(c)));
    }
    if (!is_state) continue;
    state = word;
    text.erase(at + 3, 7);
  }
  const auto location = text.find("\nLOCATION:");
  if (location != std::string::npos) text.erase(location);
  return {text.empty() ? "could not connect" : text, state};
}

// Whether poll() found the socket ready before `deadline`.
bool await(const PGconn *connection, short events,
           boot_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - boot_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{PQsocket(connection), events, 0};
    const int n = poll(&ready, 1, static_cast<int>(left.count()));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return true;  // let libpq find out
  }
}

connection_ptr start(const std::string &conninfo, const settings &with,
                     const attempt &now) {
  const options_ptr said = parse(conninfo);
  std::vector<const char *> names{"dbname"};
  std::vector<const char *> values{conninfo.c_str()};
  const auto add = [&](const keyword &k) {
    names.push_back(k.name);
    values.push_back(k.value.c_str());
  };
  for (const auto &k : with.defaults) {
    if (!says(said.get(), k.name)) add(k);
  }
  if (!says(said.get(), "sslpassword")) {
    names.push_back("sslpassword");
    values.push_back(no_passphrase);
  }
  for (const auto &k : with.fixed) add(k);
  for (const auto &k : now.to.where) add(k);
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ptr connection(
      PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/1));
  if (!connection) throw std::bad_alloc();
  // What the server says at login is not for standard error.
  PQsetNoticeProcessor(
      connection.get(), [](void *, const char *) {}, nullptr);
  return connection;
}

// The key may be encrypted, and nobody said how to decrypt it.
lock_error explained(const lock_error &error, const std::string &conninfo) {
  const std::string text = error.what();
  if (text.find("private key file") == std::string::npos ||
      says(parse(conninfo).get(), "sslpassword")) {
    return error;
  }
  return {text, error.sqlstate(), std::nullopt,
          "If the key is encrypted, give its passphrase as sslpassword in the "
          "connection string.  It is not asked for."};
}

}  // namespace

connection_ptr connect(const std::string &conninfo, const settings &with,
                       const attempt &now,
                       const std::function<void(int)> &on_socket) {
  connection_ptr connection;
  {
    const detail::no_fork until_it_is_registered;
    connection = start(conninfo, with, now);
    if (PQsocket(connection.get()) >= 0) on_socket(PQsocket(connection.get()));
  }
  if (PQstatus(connection.get()) == CONNECTION_BAD) {
    throw explained(connect_error(connection.get()), conninfo);
  }
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  auto next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!await(connection.get(), events, now.deadline)) throw too_slow(now);
    const detail::no_fork until_it_is_registered;
    next = PQconnectPoll(connection.get());
    if (next == PGRES_POLLING_FAILED) {
      if (boot_clock::now() >= now.deadline) throw too_slow(now);
      throw explained(connect_error(connection.get()), conninfo);
    }
    on_socket(PQsocket(connection.get()));
  }
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  return connection;
}

lock_error too_slow(const attempt &now) {
  return {"could not connect to " + now.to.text + " within " +
              std::to_string(now.timeout.count()) + " ms",
          "08001"};
}

// A server that refuses this role refuses it everywhere.  One that is starting
// up, or a standby, is not the only one.
bool makes_way(const lock_error &error) {
  const std::string &state = error.sqlstate();
  return (state.starts_with("08") && state != "08P01") || state == "57P03" ||
         state == "25006";
}

}  // namespace pg_exclusive::pq
