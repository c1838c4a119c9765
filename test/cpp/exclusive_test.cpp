// One runs, the others are told who.
#include <barrier>
#include <latch>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT: that is what it is for

TEST(exclusive, of_two_threads_with_one_name_exactly_one_runs) {
  client locks;
  for (int round = 0; round < 50; ++round) {
    const auto name = unique_name();
    std::atomic<int> ran{0};
    std::barrier start(2);
    std::latch both_asked(2);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        bool asked = false;
        const auto run = locks.try_run_exclusive(name, [&] {
          ++ran;
          asked = true;
          both_asked.arrive_and_wait();  // the other was refused meanwhile
        });
        if (!run) both_asked.count_down();
        EXPECT_EQ(bool(run), asked);
      });
    }
    threads.clear();
    EXPECT_EQ(ran, 1);
  }
}

TEST(exclusive, two_names_run_at_once) {
  client locks;
  std::barrier together(2);  // hangs if one has to wait for the other
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      EXPECT_TRUE(locks.try_run_exclusive(unique_name(),
                                          [&] { together.arrive_and_wait(); }));
    });
  }
}

TEST(exclusive, two_clients_exclude_each_other) {
  client one;
  client two;
  const auto name = unique_name();
  const auto run = one.try_run_exclusive(name, [&](hold &mine) {
    EXPECT_EQ(holders(name), 1);
    const auto other = two.try_run_exclusive(name, [] {});
    EXPECT_FALSE(other);
    EXPECT_EQ(other.refused_by()->pid, mine.backend_pid());
  });
  EXPECT_TRUE(run);
  EXPECT_TRUE(two.try_run_exclusive(name, [] {}));
  EXPECT_EQ(holders(name), 0);
}

TEST(exclusive, a_nested_try_is_refused_and_says_that_it_is_us) {
  client locks;
  const auto name = unique_name();
  const auto run = locks.try_run_exclusive(name, [&](hold &mine) {
    const auto again = locks.try_run_exclusive(name, [] {});
    ASSERT_FALSE(again);
    EXPECT_TRUE(again.refused_by()->this_client);
    EXPECT_EQ(again.refused_by()->pid, mine.backend_pid());
  });
  EXPECT_TRUE(run);
}

TEST(exclusive, tokens_rise) {
  client one;
  client two;
  const auto name = unique_name();
  std::int64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    auto run = (i % 2 == 0 ? one : two).try_run_exclusive(name, [](hold &h) {
      return h.token().value();
    });
    EXPECT_GT(*run, last);
    last = *run;
  }
}

TEST(exclusive, a_hold_is_what_it_says) {
  client locks;
  const auto name = unique_name();
  hold held = *locks.try_lock(name);
  EXPECT_TRUE(held.held());
  EXPECT_EQ(held.name(), name);
  EXPECT_GT(held.deadline(), pg_exclusive::boot_clock::now());
  EXPECT_EQ(
      sql("SELECT token || ' ' || pid FROM lock_holders WHERE key = '" +
          name.key + "'"),
      std::to_string(*held.token()) + " " + std::to_string(held.backend_pid()));
  hold moved = std::move(held);
  EXPECT_FALSE(held.held());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(held.deadline(), pg_exclusive::boot_clock::time_point::min());
  moved.unlock();
  EXPECT_FALSE(moved.held());
  EXPECT_FALSE(moved.loss());
  EXPECT_EQ(sqlstate_of([&] { moved.check(); }), "55000");
  EXPECT_EQ(sqlstate_of([&] { moved.unlock(); }), "55000");
  EXPECT_EQ(holders(name), 0);
}

TEST(exclusive, holds_keep_the_core_alive) {
  std::optional<hold> held;
  const auto name = unique_name();
  {
    client locks;
    held = *locks.try_lock(name);
  }
  EXPECT_TRUE(held->held());
  EXPECT_EQ(holders(name), 1);
  held.reset();
  EXPECT_EQ(holders(name), 0);
}

TEST(exclusive, close_releases_everything_and_ends_the_client) {
  client locks;
  const auto name = unique_name();
  const hold held = *locks.try_lock(name);
  std::jthread waiter([&] {
    EXPECT_EQ(sqlstate_of([&] { (void)locks.lock(name); }), "08003");
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  EXPECT_TRUE(locks.close());
  waiter.join();
  EXPECT_FALSE(held.held());
  EXPECT_EQ(held.loss()->reason, pg_exclusive::loss_reason::client_closed);
  EXPECT_TRUE(eventually([&] { return holders(name) + waiters(name) == 0; }));
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_lock(name); }), "08003");
}

}  // namespace
