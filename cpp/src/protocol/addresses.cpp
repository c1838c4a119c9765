// From a connection string to the addresses it names.
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <random>

#include "protocol/connect.hpp"

namespace pg_exclusive::pq {
namespace {

// All options as libpq sees them.  It fills them in before it looks at sslmode,
// and with this one it does not begin to connect.
options_ptr all_options(const std::string &conninfo) {
  constexpr std::array<const char *, 4> names{"dbname", "sslmode", "password",
                                              nullptr};
  const std::array<const char *, 4> values{conninfo.c_str(), "?", "?", nullptr};
  const connection_ptr nowhere(
      PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/1));
  if (!nowhere) throw std::bad_alloc();
  const std::string text = trimmed(PQerrorMessage(nowhere.get()));
  if (text.find("sslmode") == std::string::npos) {
    throw lock_error(text.empty() ? "could not connect" : text, "08001");
  }
  return options_ptr(PQconninfo(nowhere.get()));
}

std::string value_of(const PQconninfoOption *options, const char *name) {
  for (; options != nullptr && options->keyword != nullptr; ++options) {
    if (std::strcmp(options->keyword, name) == 0 && options->val != nullptr) {
      return options->val;
    }
  }
  return "";
}

std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> parts{""};
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

// The numeric addresses of a host's name; none when it cannot be resolved.
std::vector<std::string> look_up(const std::string &name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo *first = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &first) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(first,
                                                                 freeaddrinfo);
  std::vector<std::string> found;
  for (const addrinfo *one = first; one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(),
                    nullptr, 0, NI_NUMERICHOST) != 0) {
      continue;
    }
    if (std::find(found.begin(), found.end(), text.data()) == found.end()) {
      found.emplace_back(text.data());
    }
  }
  return found;
}

void add(std::vector<address> &to, const std::string &host,
         const std::string &hostaddr, const std::string &port) {
  address made;
  if (!host.empty()) made.where.push_back({"host", host});
  if (!hostaddr.empty()) made.where.push_back({"hostaddr", hostaddr});
  made.where.push_back({"port", port});
  made.text = "\"" + (host.empty() ? hostaddr : host) + "\"";
  if (!host.empty() && !hostaddr.empty() && host != hostaddr) {
    made.text += " (" + hostaddr + ")";
  }
  made.text += ", port " + port;
  to.push_back(std::move(made));
}

std::vector<address> addresses_of(const PQconninfoOption *options) {
  const auto hosts = split(value_of(options, "host"));
  const auto numbers = split(value_of(options, "hostaddr"));
  const auto ports = split(value_of(options, "port"));
  const auto nth = [](const std::vector<std::string> &list, std::size_t n) {
    return n < list.size() ? list[n] : list.size() == 1 ? list[0] : "";
  };
  std::vector<address> all;
  for (std::size_t i = 0; i < std::max(hosts.size(), numbers.size()); ++i) {
    const std::string host = i < hosts.size() ? hosts[i] : "";
    const std::string number = i < numbers.size() ? numbers[i] : "";
    const std::string port = nth(ports, i);
    const bool socket = host.empty() || host[0] == '/' || host[0] == '@';
    const auto found =
        number.empty() && !socket ? look_up(host) : std::vector{number};
    for (const auto &one : found) add(all, host, one, port);
    if (found.empty()) add(all, host, "", port);  // libpq will say why not
  }
  return all;
}

// Zero means no limit to libpq.  Nothing here is without one, so then, as when
// nothing is said, it is the caller's.
std::optional<std::chrono::milliseconds> timeout_of(const std::string &text) {
  int seconds = 0;
  const char *end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, seconds);
  if (!text.empty() && (error != std::errc() || at != end)) {
    throw lock_error("invalid integer value \"" + text +
                         "\" for connection option \"connect_timeout\"",
                     "08001");
  }
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

options_ptr parse(const std::string &conninfo) {
  char *message = nullptr;
  options_ptr said(PQconninfoParse(conninfo.c_str(), &message));
  if (said) return said;
  const std::string text = trimmed(message == nullptr ? "" : message);
  PQfreemem(message);
  throw lock_error("invalid connection string: " + text, "08001");
}

bool says(const PQconninfoOption *options, const char *name) {
  for (; options != nullptr && options->keyword != nullptr; ++options) {
    if (std::strcmp(options->keyword, name) == 0) {
      return options->val != nullptr;
    }
  }
  return false;
}

targets resolve(const std::string &conninfo) {
  if (conninfo.find('\0') != std::string::npos) {
    throw lock_error("invalid connection string: it has a zero byte", "08001");
  }
  const options_ptr options = all_options(conninfo);
  targets found{addresses_of(options.get()),
                timeout_of(value_of(options.get(), "connect_timeout")),
                says(parse(conninfo).get(), "target_session_attrs")};
  // libpq 16 and later.
  if (value_of(options.get(), "load_balance_hosts") == "random") {
    std::shuffle(found.addresses.begin(), found.addresses.end(),
                 std::minstd_rand(std::random_device{}()));
  }
  return found;
}

}  // namespace pg_exclusive::pq
