// Measures everything, or the tables that are named.  Started by `run`, which
// brings the servers.
#include <curl/curl.h>

#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "calm.hpp"
#include "peers/etcd.hpp"
#include "peers/postgres.hpp"
#include "peers/redis.hpp"
#include "tables/tables.hpp"

namespace {

using bench::effort;
using bench::placement;
using bench::report;

struct table {
  const char *name;
  std::function<void(report &, const effort &)> measure;
};

const std::vector<table> all_tables = {
    {"one-same",
     [](report &to, const effort &how) {
       bench::one(to, how, placement::same);
     }},
    {"one-cross",
     [](report &to, const effort &how) {
       if (!bench::can_cross()) return to.skip("T2: there is only one core");
       bench::one(to, how, placement::cross);
     }},
    {"task", bench::task},
    {"threads", bench::threads},
    {"hand-off", bench::hand_off},
    {"one-more", bench::one_more},
    {"many-at-once", bench::many_at_once},
    {"beside-others", bench::beside_others},
    {"crowd", bench::crowd},
    {"reading", bench::reading},
    {"beside-reading", bench::beside_reading},
    {"written", bench::written},
    {"idle", bench::idle},
};

std::string environment(const char *name, const char *otherwise) {
  const char *value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::string first_line(const char *file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0)
      return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

void describe(report &to, const effort &how) {
  const std::time_t now = std::time(nullptr);
  std::ostringstream date;
  date << std::put_time(std::gmtime(&now), "%Y-%m-%d %H:%M UTC");
  bench::postgres session;
  to.condition("date", date.str());
  to.condition("processor",
               processor() + ", " +
                   std::to_string(std::thread::hardware_concurrency()) +
                   " cores");
  to.condition("kernel", first_line("/proc/sys/kernel/osrelease"));
  to.condition("PostgreSQL", session.exec("SHOW server_version"));
  to.condition("pg_exclusive",
               session.exec("SELECT extversion FROM pg_extension "
                            "WHERE extname = 'pg_exclusive'"));
  for (const char *setting : {"max_connections", "max_locks_per_transaction",
                              "pg_exclusive.max_locks_per_session"}) {
    to.condition(setting, session.exec("SHOW " + std::string(setting)));
  }
  to.condition("Redis", environment("REDIS_VERSION", "not measured"));
  to.condition("etcd", environment("BENCH_ETCD_VERSION", "not measured"));
  to.condition("rounds", std::to_string(how.rounds));
  to.condition("load at the start", first_line("/proc/loadavg"));
  session.exec("SELECT lock_namespace('bench')");
  bench::remember_servers([&] {
    std::vector<pid_t> servers;
    std::istringstream list(environment("BENCH_SERVERS", ""));
    for (pid_t server = 0; list >> server;) servers.push_back(server);
    return servers;
  }());
  if (!bench::redis::there()) to.skip("Redis: it is not here");
  if (!bench::etcd::there()) to.skip("etcd: it is not installed");
}

}  // namespace

int main(int count, char **arguments) try {
  effort how;
  how.smoke = std::getenv("SMOKE") != nullptr;
  const std::string rounds = environment("ROUNDS", how.smoke ? "2" : "15");
  how.rounds = static_cast<int>(std::strtol(rounds.c_str(), nullptr, 10));
  if (how.rounds < 1) throw std::runtime_error("ROUNDS must be positive");
  report to;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  describe(to, how);
  for (const table &t : all_tables) {
    bool asked = count == 1;
    for (int i = 1; i < count; ++i)
      asked = asked || t.name == std::string(arguments[i]);
    if (asked) t.measure(to, how);
  }
  to.condition("load at the end", first_line("/proc/loadavg"));
  to.condition("other processes that ran when a round began",
               bench::others_running());
  to.write(environment("BENCH_RESULTS", "results"));
  curl_global_cleanup();
  return 0;
} catch (const std::exception &error) {
  std::cerr << "pg_exclusive_bench: " << error.what() << '\n';
  return 1;
}
