// A server on which others have much to do: 100,000 locks that others hold, and
// 1,000 sessions that wait for ten names.
#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "peers/postgres.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

constexpr const char *raw = "raw: pg_try_advisory_lock";
constexpr const char *named = "SQL: try_lock";

// Sessions that hold `locks` names between them, until the end.
std::vector<std::unique_ptr<postgres>> holders(int locks) {
  constexpr int sessions = 10;
  std::vector<std::unique_ptr<postgres>> all;
  for (int i = 0; i < sessions; ++i) {
    all.push_back(std::make_unique<postgres>());
    all.back()->prepare("all", "SELECT try_lock_all('bench', $1)");
    const std::string prefix = "other-" + std::to_string(i) + "-";
    const std::string keys = array_literal(
        locks / sessions, [&](int n) { return prefix + std::to_string(n); });
    all.back()->must("all", {keys.c_str()});
  }
  return all;
}

using sessions = std::vector<std::unique_ptr<postgres>>;

// Every session takes its name and frees it again, as often as all together
// have `grants`.  The server's queues are fair, so nobody is left out for long.
// Microseconds a grant.
sample take_turns(const sessions &all, const std::string &take,
                  const std::string &free, int names, int grants) {
  std::atomic<int> left{grants};
  std::latch ready(static_cast<std::ptrdiff_t>(all.size()) + 1);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < all.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string name = std::to_string(i % names);
      ready.arrive_and_wait();
      while (left.fetch_sub(1) > 0) {
        all[i]->run(take, {name.c_str()});
        all[i]->must(free, {name.c_str()});
      }
    });
  }
  ready.arrive_and_wait();
  const auto begun = clock::now();
  threads.clear();
  return {microseconds(clock::now() - begun) / grants, 0};
}

}  // namespace

void beside_others(report &to, const effort &how) {
  const int locks = how.count(100'000);
  contest table("beside-others",
                "take a free lock and free it, while others hold " +
                    std::to_string(locks) + " locks, same core",
                "µs a pair", raw);
  const sessions others = holders(locks);
  postgres session;
  session.prepare("raw try", "SELECT pg_try_advisory_lock($1)");
  session.prepare("raw unlock", "SELECT pg_advisory_unlock($1)");
  session.prepare("try", "SELECT try_lock('bench', $1)");
  session.prepare("unlock", "SELECT unlock('bench', $1)");
  const int pairs = how.count(2000);
  table.add(raw, [&] {
    return time_each(pairs, [&] {
      session.must("raw try", {"42"});
      session.must("raw unlock", {"42"});
    });
  });
  table.add(named, [&] {
    return time_each(pairs, [&] {
      session.must("try", {"one more"});
      session.must("unlock", {"one more"});
    });
  });
  place(placement::same);
  table.run(how.rounds);
  to.add(table);
  to.judge({"T16", "named pair ÷ raw pair beside 100,000 locks of others",
            target::wanted::at_most, 1.10, table.ratio(named, raw)});
}

void crowd(report &to, const effort &how) {
  constexpr const char *base = "raw: pg_advisory_lock";
  constexpr const char *select = "SQL: try_lock, wait without limit";
  constexpr const char *call = "SQL: CALL wait_lock";
  if (!can_cross()) return to.skip("T17: there is only one core");
  const int count = how.count(1000);
  const int names = 10;
  contest table("crowd",
                std::to_string(count) + " sessions that wait for " +
                    std::to_string(names) + " names, cross",
                "µs a grant", base);
  sessions all;
  for (int i = 0; i < count; ++i) {
    all.push_back(std::make_unique<postgres>());
    all.back()->prepare("raw", "SELECT pg_advisory_lock($1)");
    all.back()->prepare("raw free", "SELECT pg_advisory_unlock($1)");
    all.back()->prepare("select",
                        "SELECT try_lock('bench', $1, 'exclusive', NULL)");
    all.back()->prepare("call", "CALL wait_lock('bench', $1)");
    all.back()->prepare("free", "SELECT unlock('bench', $1)");
  }
  const auto add = [&](const char *name, const char *take, const char *free) {
    table.add(name, [&, take, free] {
      return take_turns(all, take, free, names, 4 * count);
    });
  };
  add(base, "raw", "raw free");
  add(select, "select", "free");
  add(call, "call", "free");
  place(placement::cross);
  table.run(how.some_rounds());
  to.add(table);
  to.judge({"T17", "a grant of try_lock ÷ pg_advisory_lock, 1,000 sessions",
            target::wanted::at_most, 1.10, table.ratio(select, base)});
  to.judge({"T17 call", "the same, CALL wait_lock", target::wanted::at_most,
            1.20, table.ratio(call, base)});
}

}  // namespace bench
