// Many threads, each taking and freeing locks of its own: on one C++ client,
// or with a connection each.
#include <array>
#include <atomic>
#include <barrier>
#include <memory>
#include <pg_exclusive/pg_exclusive.hpp>
#include <string>
#include <thread>
#include <vector>

#include "peers/postgres.hpp"
#include "peers/redis.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

// What one thread does, again and again.
using pair = std::function<void()>;

// Pairs per second of all threads together.
sample throughput(const std::vector<pair> &pairs,
                  std::chrono::milliseconds time) {
  std::atomic<bool> over{false};
  std::atomic<long> done{0};
  std::barrier start(static_cast<std::ptrdiff_t>(pairs.size()) + 1);
  std::vector<std::jthread> threads;
  for (const pair &p : pairs) {
    threads.emplace_back([&, p] {
      start.arrive_and_wait();
      long mine = 0;
      for (; !over; ++mine) p();
      done += mine;
    });
  }
  start.arrive_and_wait();
  const auto from = clock::now();
  std::this_thread::sleep_for(time);
  over = true;
  const double took = microseconds(clock::now() - from);
  threads.clear();
  return {1e6 * static_cast<double>(done.load()) / took};
}

std::vector<pair> raw_pairs(int n) {
  std::vector<pair> pairs;
  for (int i = 0; i < n; ++i) {
    auto session = std::make_shared<postgres>();
    session->prepare("try", "SELECT pg_try_advisory_lock($1)");
    session->prepare("unlock", "SELECT pg_advisory_unlock($1)");
    pairs.emplace_back([session, id = std::to_string(5000 + i)] {
      session->must("try", {id.c_str()});
      session->must("unlock", {id.c_str()});
    });
  }
  return pairs;
}

std::vector<pair> library_pairs(pg_exclusive::client &locks, int n) {
  std::vector<pair> pairs;
  for (int i = 0; i < n; ++i) {
    pairs.emplace_back([&locks, name = pg_exclusive::lock_name{
                                    "bench", "thread-" + std::to_string(i)}] {
      locks.try_lock(name).value().unlock();
    });
  }
  return pairs;
}

// From lock to lock: each release travels with the next try.
std::vector<pair> next_pairs(pg_exclusive::client &locks, int n) {
  struct worker {
    std::array<pg_exclusive::lock_name, 2> names;
    pg_exclusive::hold held;
    std::size_t turn = 0;
  };
  std::vector<pair> pairs;
  for (int i = 0; i < n; ++i) {
    const std::string key =
        "worker-" + std::to_string(i) + "-of-" + std::to_string(n);
    const pg_exclusive::lock_name name{"bench", key};
    auto w = std::make_shared<worker>(
        worker{{pg_exclusive::lock_name{"bench", key + "-next"}, name},
               locks.try_lock(name).value()});
    pairs.emplace_back([&locks, w] {
      w->held =
          locks.try_lock_next(std::move(w->held), w->names[w->turn]).value();
      w->turn = 1 - w->turn;
    });
  }
  return pairs;
}

std::vector<pair> redis_pairs(int n) {
  std::vector<pair> pairs;
  for (int i = 0; i < n; ++i) {
    auto session = std::make_shared<redis>(redis::transport::unix_socket);
    pairs.emplace_back([session, key = "thread-" + std::to_string(i)] {
      if (!session->try_lock(key)) throw std::runtime_error("Redis refused");
      session->unlock(key);
    });
  }
  return pairs;
}

constexpr const char *raw = "raw: a connection per thread";
constexpr const char *library = "C++: one client";
constexpr const char *next = "C++: one client, try_lock_next";
constexpr const char *peer = "Redis: a connection per thread";

contest measure(const effort &how, int n) {
  const std::string count = std::to_string(n);
  contest table("threads-" + count, count + " threads, cross", "pairs/s", raw);
  pg_exclusive::client locks;
  pg_exclusive::client workers;  // their last locks stay, on its session
  const auto add = [&](const char *name, std::vector<pair> pairs) {
    table.add(name, [&how, pairs = std::move(pairs)] {
      return throughput(pairs, how.time(500));
    });
  };
  add(raw, raw_pairs(n));
  add(library, library_pairs(locks, n));
  add(next, next_pairs(workers, n));
  if (redis::there()) add(peer, redis_pairs(n));
  place(placement::cross);
  table.run(how.rounds);
  return table;
}

}  // namespace

void threads(report &to, const effort &how) {
  using enum target::wanted;
  if (!can_cross()) return to.skip("T4, T5, T5b: there is only one core");
  const contest few = measure(how, 8);
  const contest many = measure(how, 64);
  to.add(few);
  to.add(many);
  to.judge({"T4", "64 threads on one client ÷ 64 raw connections, cross",
            at_least, 8, many.ratio(library, raw)});
  to.judge({"T4 next", "the same, each release with the next try", at_least, 8,
            many.ratio(next, raw)});
  if (many.has(peer)) {
    to.judge({"T5", "64 threads on one client ÷ 64 connections to Redis, cross",
              at_least, 2.5, many.ratio(library, peer)});
    to.judge({"T5 next", "the same, each release with the next try", at_least,
              2.5, many.ratio(next, peer)});
  }
  to.judge({"T5b", "8 threads on one client ÷ 8 raw connections, cross",
            at_least, 1.0, few.ratio(library, raw)});
}

}  // namespace bench
