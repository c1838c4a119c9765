// Connecting with libpq: in time, to one of several hosts, with the server's
// SQLSTATE when it refuses.
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "protocol/pq.hpp"

namespace pg_exclusive::pq {
namespace {

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

// False when the time is up.
bool finish_connecting(PGconn *connection, std::chrono::milliseconds timeout) {
  const auto deadline = boot_clock::now() + timeout;
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  auto next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) throw connect_error(connection);
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!await(connection, events, deadline)) return false;
    next = PQconnectPoll(connection);
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  return true;
}

using options_ptr = std::unique_ptr<PQconninfoOption, finish>;

options_ptr parse(const std::string &conninfo) {
  char *message = nullptr;
  options_ptr said(PQconninfoParse(conninfo.c_str(), &message));
  if (said) return said;
  const std::string text = trimmed(message == nullptr ? "" : message);
  PQfreemem(message);
  throw lock_error("invalid connection string: " + text, "08001");
}

// The value of an option; null when there is none.
const char *value_of(const PQconninfoOption *options, const char *name) {
  for (; options != nullptr && options->keyword != nullptr; ++options) {
    if (std::strcmp(options->keyword, name) == 0) return options->val;
  }
  return nullptr;
}

// `conninfo`, what `defaults` adds where it says nothing itself, and `fixed`,
// whatever it says.
connection_ptr start(const std::string &conninfo,
                     const std::vector<keyword> &defaults,
                     const std::vector<keyword> &fixed = {}) {
  const options_ptr said = parse(conninfo);
  std::vector<const char *> names{"dbname"};
  std::vector<const char *> values{conninfo.c_str()};
  const auto add = [&](const keyword &k) {
    names.push_back(k.name);
    values.push_back(k.value.c_str());
  };
  for (const auto &k : defaults) {
    if (value_of(said.get(), k.name) == nullptr) add(k);
  }
  for (const auto &k : fixed) add(k);
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ptr connection(
      PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/1));
  if (!connection) throw std::bad_alloc();
  if (PQstatus(connection.get()) == CONNECTION_BAD) {
    throw connect_error(connection.get());
  }
  return connection;
}

std::vector<std::string> split(const char *list) {
  std::vector<std::string> parts{""};
  for (; list != nullptr && *list != '\0'; ++list) {
    if (*list == ',') {
      parts.emplace_back();
    } else {
      parts.back().push_back(*list);
    }
  }
  return parts;
}

// Of a connection that may go to several hosts: each but the one it is at.
std::vector<std::vector<keyword>> other_hosts(PGconn *connection) {
  const options_ptr all(PQconninfo(connection));
  const auto names = split(value_of(all.get(), "host"));
  const auto addresses = split(value_of(all.get(), "hostaddr"));
  const auto ports = split(value_of(all.get(), "port"));
  const auto nth = [](const std::vector<std::string> &list, std::size_t n) {
    return n < list.size() ? list[n] : list.size() == 1 ? list[0] : "";
  };
  const std::string here = PQhost(connection);
  const std::string port_here = PQport(connection);
  std::vector<std::vector<keyword>> hosts;
  const std::size_t size = std::max(names.size(), addresses.size());
  for (std::size_t i = 0; size > 1 && i < size; ++i) {
    const std::string name = nth(names, i);
    const std::string address = nth(addresses, i);
    const std::string port = nth(ports, i);
    if ((name.empty() ? address : name) == here && port == port_here) continue;
    hosts.push_back({{"host", name}, {"hostaddr", address}, {"port", port}});
  }
  return hosts;
}

// What the connection string or the environment says of it, per host.
std::optional<std::chrono::milliseconds> connect_timeout_of(
    PGconn *connection) {
  const options_ptr all(PQconninfo(connection));
  const char *text = value_of(all.get(), "connect_timeout");
  int seconds = 0;
  if (text != nullptr) {
    std::from_chars(text, text + std::strlen(text), seconds);
  }
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

std::string quoted(const char *value) {
  std::string text = "'";
  for (; *value != '\0'; ++value) {
    if (*value == '\'' || *value == '\\') text.push_back('\\');
    text.push_back(*value);
  }
  return text + "'";
}

}  // namespace

connection_ptr connect(const std::string &conninfo,
                       const std::vector<keyword> &extra,
                       std::chrono::milliseconds timeout) {
  connection_ptr connection = start(conninfo, extra);
  timeout = connect_timeout_of(connection.get()).value_or(timeout);
  if (finish_connecting(connection.get(), timeout)) return connection;
  // One that is silent must not keep us from the others: each in turn.
  lock_error last(
      "could not connect within " + std::to_string(timeout.count()) + " ms",
      "08001");
  for (const auto &host : other_hosts(connection.get())) {
    try {
      connection = start(conninfo, extra, host);
      if (finish_connecting(connection.get(), timeout)) return connection;
    } catch (const lock_error &refused) {
      last = refused;
    }
  }
  throw lock_error(last);
}

std::string for_transactions(const std::string &conninfo,
                             std::chrono::milliseconds timeout) {
  const options_ptr said = parse(conninfo);
  std::string text;
  for (auto *o = said.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr) continue;
    text += std::string(o->keyword) + "=" + quoted(o->val) + " ";
  }
  if (value_of(said.get(), "connect_timeout") == nullptr) {
    text += "connect_timeout=" +
            std::to_string(
                std::chrono::ceil<std::chrono::seconds>(timeout).count()) +
            " ";
  }
  const char *host = value_of(said.get(), "host");
  const char *address = value_of(said.get(), "hostaddr");
  const bool several = split(host).size() > 1 || split(address).size() > 1;
  if (several && value_of(said.get(), "target_session_attrs") == nullptr) {
    text += "target_session_attrs=primary";
  }
  return text;
}

}  // namespace pg_exclusive::pq
