// One client, many threads.
#include <unistd.h>

#include <barrier>
#include <latch>
#include <set>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

TEST(threads, that_meet_travel_together) {
  client locks;
  std::vector<std::jthread> threads;
  std::barrier start(64);
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto name = unique_name();
      start.arrive_and_wait();
      for (int n = 0; n < 50; ++n) {
        auto mine = locks.try_lock(name);
        EXPECT_TRUE(mine && (*mine).held());
      }
    });
  }
  threads.clear();
  const auto stats = locks.stats();
  EXPECT_EQ(stats.grants, 3200U);
  EXPECT_EQ(stats.calls, 6400U);
  EXPECT_LT(stats.round_trips * 2, stats.calls);
  EXPECT_EQ(stats.sessions, 1);
}

TEST(threads, one_bad_call_among_64_fails_alone) {
  client locks;
  std::atomic<int> failed{0};
  std::atomic<int> granted{0};
  std::vector<std::jthread> threads;
  std::barrier start(64);
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      const auto name =
          i == 13 ? lock_name{"no-such-namespace", "x"} : unique_name();
      start.arrive_and_wait();
      for (int n = 0; n < 20; ++n) {
        try {
          granted += locks.try_lock(name) ? 1 : 0;
        } catch (const lock_error &error) {
          EXPECT_EQ(error.sqlstate(), "42704");
          EXPECT_EQ(error.name(), name);
          EXPECT_NE(error.hint(), "");
          ++failed;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(failed, 20);
  EXPECT_EQ(granted, 63 * 20);
}

TEST(threads, a_hundred_that_wait_for_one_name_use_three_backends) {
  client locks{"application_name=hundred", {}};
  const auto name = unique_name();
  const auto backends = [] {
    return std::stoi(
        sql("SELECT count(*) FROM pg_stat_activity WHERE "
            "application_name = 'hundred'"));
  };
  std::optional<hold> held = *locks.try_lock(name);
  std::atomic<int> inside{0};
  std::atomic<int> ran{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&] {
      const auto mine = locks.lock(name);
      EXPECT_EQ(++inside, 1);
      ++ran;
      --inside;
    });
  }
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  EXPECT_LE(backends(), 3);
  held.reset();
  while (ran < 100) {
    EXPECT_LE(backends(), 3);
    std::this_thread::sleep_for(20ms);
  }
}

TEST(threads, that_wait_for_many_names_use_so_many_sessions) {
  client owner;
  client locks{"application_name=many", {.max_wait_sessions = 4}};
  std::vector<hold> held;
  std::vector<std::jthread> threads;
  std::atomic<int> granted{0};
  for (int i = 0; i < 30; ++i) {
    const auto name = unique_name();
    held.push_back(*owner.try_lock(name));
    threads.emplace_back([&, name] { granted += locks.lock(name) ? 1 : 0; });
  }
  ASSERT_TRUE(eventually([&] { return locks.stats().polled_waits > 30; }));
  EXPECT_EQ(locks.stats().waiting_sessions, 4);
  EXPECT_LE(std::stoi(sql("SELECT count(*) FROM pg_stat_activity WHERE "
                          "application_name = 'many'")),
            5);
  // Waiting blocks neither other names nor releases.
  EXPECT_TRUE(locks.try_run_exclusive(unique_name(), [] {}));
  held.clear();
  threads.clear();
  EXPECT_EQ(granted, 30);
}

TEST(threads, that_wait_for_each_other_are_told) {
  client locks;
  const auto a = unique_name();
  const auto b = unique_name();
  std::barrier both(2);
  std::atomic<int> deadlocks{0};
  std::atomic<int> ran{0};
  const auto take = [&](const lock_name &first, const lock_name &second) {
    (void)locks.run_exclusive(first, [&] {
      both.arrive_and_wait();
      const auto began = std::chrono::steady_clock::now();
      const auto state = sqlstate_of(
          [&] { ran += locks.run_exclusive(second, [] {}) ? 1 : 0; });
      if (state == "40P01") {
        ++deadlocks;
        EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
      }
    });
  };
  std::jthread one([&] { take(a, b); });
  std::jthread two([&] { take(b, a); });
  one.join();
  two.join();
  EXPECT_EQ(deadlocks, 1);
  EXPECT_EQ(ran, 1);
}

// lock_all takes them one after the other: meanwhile it holds and waits.
TEST(threads, that_wait_for_a_lock_all_that_waits_for_them_are_told) {
  client locks;
  auto a = unique_name();
  auto b = unique_name();
  if (b.id() < a.id()) std::swap(a, b);  // lock_all begins with a
  std::jthread several;
  EXPECT_TRUE(locks.run_exclusive(b, [&] {
    several = std::jthread([&] {
      const auto both = locks.lock_all({a, b});
      EXPECT_TRUE(both);
    });
    EXPECT_TRUE(eventually([&] { return holders(a) == 1; }));
    EXPECT_EQ(sqlstate_of([&] {
                (void)locks.run_exclusive(a, {.wait = patience}, [] {});
              }),
              "40P01");
  }));
}

// What lock_all returned may be given back by another thread: that is no cycle.
TEST(threads, that_wait_for_what_another_gives_back_are_not_told) {
  client locks;
  const auto a = unique_name();
  const auto b = unique_name();
  auto taken = locks.lock_all({a});
  std::optional<std::vector<hold>> of_nobody = *std::move(taken);
  std::jthread giver;
  std::jthread waiter([&] {
    EXPECT_TRUE(locks.run_exclusive(b, [&] {
      giver = std::jthread([&] {
        EXPECT_TRUE(eventually([&] { return waiters(b) == 1; }));
        of_nobody.reset();
      });
      EXPECT_TRUE(locks.run_exclusive(a, {.wait = patience}, [] {}));
    }));
  });
  EXPECT_TRUE(eventually([&] { return holders(b) == 1; }));
  EXPECT_TRUE(locks.run_exclusive(b, {.wait = patience}, [] {}));
}

// In the order in which they came.
TEST(threads, take_turns_in_order) {
  client one;
  client locks;
  const auto name = unique_name();
  std::optional<hold> held = *one.try_lock(name);
  std::vector<int> order;
  std::mutex order_access;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    std::atomic<int> thread{0};
    threads.emplace_back([&, i] {
      thread = gettid();
      const auto mine = locks.lock(name);
      const std::lock_guard guard(order_access);
      order.push_back(i);
    });
    // The first waits for the server, the others for the first.
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
    ASSERT_TRUE(eventually([&] { return thread != 0 && asleep(thread); }));
  }
  held.reset();
  threads.clear();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5}));
}

// Threads that come again and again are behind a process that waits: once it
// is in the server's queue, only those before it go first.
TEST(threads, of_a_busy_process_do_not_starve_another) {
  client busy;
  client other{"application_name=other"};
  const auto name = unique_name();
  const auto other_waits = [&] {
    return sql("SELECT count(*) FROM lock_waiters WHERE "
               "application_name = 'other' AND key = '" +
               name.key + "'") == "1";
  };
  std::atomic<bool> stop{false};
  std::atomic<int> turns{0};
  std::atomic<int> seen_at{0};  // the turn in which it was seen to wait
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto mine = busy.lock(name);
        if (++turns < 20 || seen_at != 0) continue;
        EXPECT_TRUE(eventually(other_waits));
        seen_at = turns.load();
      }
    });
  }
  ASSERT_TRUE(eventually([&] { return turns == 20; }));
  {
    const auto mine = other.lock(name, {.wait = 60s});
    EXPECT_TRUE(mine);
    // One of theirs may have been in the queue before it.
    EXPECT_LE(turns - seen_at, 1);
  }
  stop = true;
}

TEST(threads, that_wait_for_themselves_are_told) {
  client locks;
  const auto name = unique_name();
  EXPECT_TRUE(locks.run_exclusive(name, [&] {
    EXPECT_EQ(sqlstate_of([&] { (void)locks.run_exclusive(name, [] {}); }),
              "40P01");
  }));
}

TEST(threads, that_take_several_at_once_do_not_deadlock) {
  client one;
  client two;
  const auto a = unique_name();
  const auto b = unique_name();
  std::vector<std::jthread> threads;
  std::atomic<int> got{0};
  for (client *locks : {&one, &two}) {
    threads.emplace_back([&, locks] {
      for (int i = 0; i < 30; ++i) {
        const auto both =
            i % 2 == 0 ? locks->lock_all({a, b}) : locks->lock_all({b, a, a});
        got += both && (*both).size() == 2 ? 1 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(got, 60);
  const hold held = *one.try_lock(b);
  EXPECT_EQ(two.lock_all({a, b}, {.wait = 100ms}).outcome(),
            outcome::timed_out);
  EXPECT_EQ(holders(a), 0);
}

TEST(threads, spread_their_holds_over_sessions) {
  client locks{"", {.max_sessions = 3, .holds_per_session = 10}};
  std::vector<hold> held;
  std::set<int> pids;
  for (int i = 0; i < 25; ++i) {
    held.push_back(*locks.try_lock(unique_name()));
    pids.insert(held.back().backend_pid());
  }
  EXPECT_EQ(pids.size(), 3U);
  for (int i = 0; i < 25; ++i) {  // full: they share what more there is
    held.push_back(*locks.try_lock(unique_name()));
  }
  EXPECT_EQ(locks.stats().sessions, 3);
  EXPECT_EQ(locks.stats().holds, 50U);
}

}  // namespace
