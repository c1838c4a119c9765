// From the start of the release until the next holder has the lock.
//
// Who has freed the lock stays out until somebody else has it, so each hand-off
// is to another client.
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <pg_exclusive/pg_exclusive.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "peers/postgres.hpp"
#include "peers/redis.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

using std::chrono::milliseconds;

struct contender {
  std::function<void()> lock;
  std::function<void()> unlock;
};

// One run of contenders, over when so many hand-offs were seen.
class relay {
 public:
  relay(int hand_offs, double least_hold_ms, double most_hold_ms)
      : wanted_(hand_offs), least_(least_hold_ms), most_(most_hold_ms) {}

  sample run(const std::vector<contender> &contenders) {
    std::vector<std::jthread> threads;
    for (const contender &c : contenders) {
      threads.emplace_back([this, &c] { take_part(c); });
    }
    threads.clear();
    return {quantile(took_, 0.5), quantile(took_, 0.99)};
  }

 private:
  void take_part(const contender &c) {
    std::mt19937 random(std::random_device{}());
    std::uniform_real_distribution<double> hold(least_, most_);
    while (!over_) {
      c.lock();
      const int mine = arrived();
      std::this_thread::sleep_for(
          std::chrono::duration<double, std::milli>(over_ ? 0 : hold(random)));
      released_ = clock::now();  // ours until the next line
      c.unlock();
      if (!over_) grants_.wait(mine);
    }
  }

  // Only who has the lock is here.
  int arrived() {
    const auto now = clock::now();
    if (grants_ > 0 && !over_) took_.push_back(microseconds(now - released_));
    if (static_cast<int>(took_.size()) == wanted_) over_ = true;
    const int mine = ++grants_;
    grants_.notify_all();
    return mine;
  }

  const int wanted_;
  const double least_, most_;
  std::atomic<bool> over_{false};
  std::atomic<int> grants_{0};
  clock::time_point released_;
  std::vector<double> took_;
};

std::vector<contender> sql_contenders(int n, const std::string &take,
                                      const std::string &free) {
  std::vector<contender> all;
  for (int i = 0; i < n; ++i) {
    auto session = std::make_shared<postgres>();
    session->prepare("take", take);
    session->prepare("free", free);
    all.push_back({[session] { session->run("take"); },
                   [session] { session->must("free", {}); }});
  }
  return all;
}

std::vector<contender> library_contenders(int n) {
  std::vector<contender> all;
  for (int i = 0; i < n; ++i) {
    auto locks = std::make_shared<pg_exclusive::client>("");
    auto held = std::make_shared<std::optional<pg_exclusive::hold>>();
    all.push_back({[locks, held] {
                     held->emplace(locks->lock({"bench", "hand-off"}).value());
                   },
                   [held] {
                     (*held)->unlock();
                     held->reset();
                   }});
  }
  return all;
}

std::vector<contender> polling_contenders(int n, milliseconds pause) {
  std::vector<contender> all;
  for (int i = 0; i < n; ++i) {
    auto session = std::make_shared<redis>(redis::transport::unix_socket);
    all.push_back({[session, pause] {
                     while (!session->try_lock("hand-off")) {
                       std::this_thread::sleep_for(pause);
                     }
                   },
                   [session] { session->unlock("hand-off"); }});
  }
  return all;
}

constexpr const char *raw = "raw: pg_advisory_lock";
constexpr const char *call = "SQL: CALL wait_lock";
constexpr const char *select = "SQL: try_lock, wait without limit";
constexpr const char *library = "C++: client.lock";
constexpr const char *polling = "Redis: polling every 10 ms";

contest measure(const effort &how, int n) {
  contest table("hand-off-" + std::to_string(n),
                "hand-off among " + std::to_string(n) + " clients, cross", "µs",
                raw);
  const int hand_offs = how.smoke ? 5 : 100;
  const auto add = [&](const char *name, std::vector<contender> contenders) {
    table.add(name, [hand_offs, all = std::move(contenders)] {
      return relay(hand_offs, 4, 5).run(all);
    });
  };
  const std::string unlock = "SELECT unlock('bench', 'hand-off')";
  add(raw, sql_contenders(n, "SELECT pg_advisory_lock(99)",
                          "SELECT pg_advisory_unlock(99)"));
  add(select, sql_contenders(
                  n, "SELECT try_lock('bench', 'hand-off', 'exclusive', NULL)",
                  unlock));
  add(call, sql_contenders(n, "CALL wait_lock('bench', 'hand-off')", unlock));
  add(library, library_contenders(n));
  if (redis::there() && n == 2) {
    table.add(polling, [all = polling_contenders(n, milliseconds(10)),
                        hand_offs] {
      return relay(hand_offs / 2, 4, 14).run(all);  // at any phase of the pause
    });
  }
  place(placement::cross);
  table.run(how.some_rounds());
  return table;
}

}  // namespace

void hand_off(report &to, const effort &how) {
  using enum target::wanted;
  if (!can_cross()) return to.skip("T6, T7: there is only one core");
  const contest two = measure(how, 2);
  const contest sixteen = measure(how, 16);
  to.add(two);
  to.add(sixteen);
  to.judge({"T6a", "hand-off of try_lock ÷ pg_advisory_lock, 2 clients",
            at_most, 1.10, two.ratio(select, raw)});
  to.judge({"T6b", "the same, 16 clients", at_most, 1.10,
            sixteen.ratio(select, raw)});
  to.judge({"T6c", "hand-off of CALL wait_lock ÷ pg_advisory_lock, 2 clients",
            at_most, 1.10, two.ratio(call, raw)});
  to.judge(
      {"T6d", "the same, 16 clients", at_most, 1.10, sixteen.ratio(call, raw)});
  if (two.has(polling)) {
    to.judge({"T7", "hand-off of Redis polling ÷ CALL wait_lock, 2 clients",
              at_least, 20, two.ratio(polling, call)});
  }
}

}  // namespace bench
