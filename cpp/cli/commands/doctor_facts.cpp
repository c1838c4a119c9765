// What doctor makes of the facts that a client has found out.
#include <array>
#include <cstdio>

#include "commands/doctor_checks.hpp"
#include "pg_exclusive/version.hpp"

namespace pg_exclusive::cli {

namespace {

std::string in_seconds(std::chrono::milliseconds t) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.4g s",
                      static_cast<double>(t.count()) / 1000);
  return text.data();
}

finding check_version(const server_facts &facts) {
  const std::string version =
      "PostgreSQL " + std::to_string(facts.server_version / 10000) + "." +
      std::to_string(facts.server_version % 10000);
  if (facts.server_version < 150000) {
    return {level::fail, "server", version, "PostgreSQL 15 or newer is needed"};
  }
  return {level::ok, "server", version, ""};
}

finding check_extension(const server_facts &facts) {
  if (facts.extension_version.empty()) {
    return {level::fail, "extension", "not in this database",
            "CREATE EXTENSION pg_exclusive;"};
  }
  if (facts.extension_version != PG_EXCLUSIVE_VERSION) {
    return {
        level::warn, "extension",
        facts.extension_version + ", the tool is " PG_EXCLUSIVE_VERSION,
        "install the same version and ALTER EXTENSION pg_exclusive UPDATE;"};
  }
  return {level::ok, "extension",
          facts.extension_version + " in schema " + facts.extension_schema, ""};
}

finding check_pooler(const server_facts &facts) {
  if (facts.behind_pooler) {
    return {level::fail, "pooler", "something answers in the server's place",
            "connect to the server itself: locks of a session exclude no one "
            "behind a pooler in transaction mode"};
  }
  return {level::ok, "pooler", "none in between", ""};
}

finding check_lease(const server_facts &facts) {
  const std::string bounds =
      "lease " + in_seconds(facts.lease) + ": we give up after " +
      in_seconds(facts.client_bound) + ", the server frees the lock after " +
      in_seconds(facts.server_bound);
  if (facts.client_bound >= facts.server_bound) {
    return {level::fail, "lease", bounds,
            "the server must be the later one: use a longer --lease"};
  }
  return {level::ok, "lease", bounds, ""};
}

finding check_link(const server_facts &facts) {
  if (facts.unix_socket) {
    return {level::ok, "dead link", "Unix socket, no network", ""};
  }
  const std::string bounds =
      "noticed by the server after " + in_seconds(facts.server_tcp_bound) +
      ", by us after " + in_seconds(facts.client_tcp_bound);
  if (facts.server_tcp_bound.count() == 0 ||
      facts.client_tcp_bound.count() == 0) {
    return {level::warn, "dead link", bounds + " (0 s: never)",
            "let the kernel notice: keepalives and tcp_user_timeout"};
  }
  return {level::ok, "dead link", bounds, ""};
}

}  // namespace

std::vector<finding> check_facts(const server_facts &facts) {
  std::vector<finding> result{check_version(facts), check_extension(facts),
                              check_pooler(facts), check_lease(facts),
                              check_link(facts)};
  for (const auto &setting : facts.overridden) {
    result.push_back(
        {level::warn, "setting",
         setting.name + " = " + setting.value + " (" + setting.source +
             ") would end or prevent holds and waits",
         "this tool and the client library override it; change it if locks "
         "are taken in plain SQL sessions too"});
  }
  if (facts.overridden.empty()) {
    result.push_back({level::ok, "settings",
                      "none that would end or prevent holds and waits", ""});
  }
  return result;
}

}  // namespace pg_exclusive::cli
