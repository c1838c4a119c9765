// Waiting: in the server's queue, with an end, and without traces.
#include <random>
#include <set>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

TEST(wait, is_granted_when_the_holder_lets_go) {
  client one;
  client two;
  const auto name = unique_name();
  hold held = *one.try_lock(name);
  std::atomic<bool> granted{false};
  std::jthread waiter([&] {
    const auto mine =
        two.lock(name, {.wait = std::chrono::milliseconds::max()});
    EXPECT_TRUE(mine && (*mine).held());
    granted = true;
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  EXPECT_FALSE(granted);
  held.unlock();
  EXPECT_TRUE(eventually([&] { return granted.load(); }));
}

TEST(wait, pins_no_snapshot) {
  client one;
  client two;
  const auto name = unique_name();
  const hold held = *one.try_lock(name);
  std::stop_source stop;
  std::jthread waiter(
      [&] { EXPECT_FALSE(two.lock(name, {.stop = stop.get_token()})); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  EXPECT_EQ(sql("SELECT count(*) FROM lock_waiters w JOIN pg_stat_activity a "
                "USING (pid) WHERE a.backend_xmin IS NOT NULL AND w.key = '" +
                name.key + "'"),
            "0");
  stop.request_stop();
}

TEST(wait, that_times_out_leaves_nothing_and_names_the_holder) {
  client one;
  client two;
  const auto name = unique_name();
  const hold held = *one.try_lock(name);
  const auto began = std::chrono::steady_clock::now();
  const auto run = two.run_exclusive(name, {.wait = 300ms}, [] {});
  EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
  EXPECT_EQ(run.outcome(), outcome::timed_out);
  EXPECT_EQ(run.refused_by()->pid, held.backend_pid());
  EXPECT_EQ(waiters(name), 0);
  EXPECT_EQ(holders(name), 1);
}

TEST(wait, of_a_thread_behind_another_times_out_too) {
  client locks;
  const auto name = unique_name();
  const hold held = *locks.try_lock(name);
  std::stop_source stop;
  std::jthread first(
      [&] { EXPECT_FALSE(locks.lock(name, {.stop = stop.get_token()})); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  EXPECT_EQ(locks.lock(name, {.wait = 200ms}).outcome(), outcome::timed_out);
  stop.request_stop();
}

TEST(wait, that_is_stopped_leaves_nothing) {
  client one;
  client two;
  const auto name = unique_name();
  const hold held = *one.try_lock(name);
  std::stop_source stop;
  std::jthread waiter([&] {
    EXPECT_EQ(two.lock(name, {.stop = stop.get_token()}).outcome(),
              outcome::stopped);
    EXPECT_EQ(waiters(name), 0);
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  stop.request_stop();
}

TEST(wait, with_a_stop_that_was_requested_before_does_not_begin) {
  client one;
  client two;
  const auto name = unique_name();
  const hold held = *one.try_lock(name);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(two.lock(name, {.stop = stop.get_token()}).outcome(),
            outcome::stopped);
}

int waiter_pid(const lock_name &name) {
  return std::stoi(
      sql("SELECT pid FROM lock_waiters WHERE key = '" + name.key + "'"));
}

// A late cancel could hit what it does next.
TEST(wait, that_is_stopped_ends_its_session) {
  client one;
  client two;
  const auto name = unique_name();
  const hold held = *one.try_lock(name);
  std::set<int> pids;
  for (int round = 0; round < 3; ++round) {
    std::stop_source stop;
    std::jthread waiter(
        [&] { EXPECT_FALSE(two.lock(name, {.stop = stop.get_token()})); });
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
    const int pid = waiter_pid(name);
    EXPECT_TRUE(pids.insert(pid).second) << "a session that was cancelled";
    stop.request_stop();
    waiter.join();
    EXPECT_TRUE(eventually([&] {
      return sql("SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                 std::to_string(pid)) == "0";
    }));
  }
}

// A session that is empty again serves the next wait: no connection a wait.
TEST(wait, after_wait_needs_no_more_connections) {
  client one;
  client two;
  const auto name = unique_name();
  for (int round = 0; round < 10; ++round) {
    std::optional<hold> held = *one.try_lock(name);
    std::jthread waiter([&] {
      const auto mine = two.lock(name);
      EXPECT_TRUE(mine && (*mine).held());
    });
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
    held.reset();
  }
  EXPECT_LE(two.stats().connects, 3U);
}

// The stop comes at any moment around the grant: whatever the call says is what
// the server has.
TEST(wait, and_stop_race_a_thousand_times) {
  client one;
  client two;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  std::uniform_int_distribution<int> pause(0, 3000);
  int granted = 0;
  for (int round = 0; round < 1000; ++round) {
    const auto name = unique_name("race");
    std::optional<hold> held = *one.try_lock(name);
    std::stop_source stop;
    std::optional<hold> got;
    std::thread waiter([&] {
      auto mine = two.lock(name, {.stop = stop.get_token()});
      if (mine) got = *std::move(mine);
    });
    std::this_thread::sleep_for(std::chrono::microseconds(pause(random)));
    const auto later = std::chrono::microseconds(pause(random) / 4);
    std::thread releaser([&] {
      std::this_thread::sleep_for(later);
      held.reset();
    });
    std::this_thread::sleep_for(std::chrono::microseconds(pause(random) / 4));
    stop.request_stop();
    waiter.join();
    releaser.join();
    granted += got.has_value() ? 1 : 0;
    if (round % 20 == 0) {
      ASSERT_EQ(waiters(name), 0);
      ASSERT_EQ(holders(name), got.has_value() ? 1 : 0);
    } else {
      ASSERT_EQ(bool(one.try_lock(name)), !got.has_value()) << round;
    }
  }
  EXPECT_GT(granted, 0);
  EXPECT_LT(granted, 1000);
}

TEST(wait, is_first_come_first_served_among_processes) {
  client holder;
  const auto name = unique_name();
  hold held = *holder.try_lock(name);
  std::vector<int> order;
  std::mutex order_access;
  std::vector<std::unique_ptr<client>> clients;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<client>());
    threads.emplace_back([&, i] {
      const auto mine = clients[i]->lock(name);
      const std::lock_guard guard(order_access);
      order.push_back(i);
    });
    ASSERT_TRUE(eventually([&] { return waiters(name) == i + 1; }));
  }
  held.unlock();
  threads.clear();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

TEST(wait, whose_session_ends_is_08006) {
  client locks;
  client other;
  const auto name = unique_name();
  const hold held = *other.try_lock(name);
  std::string state;
  std::jthread waiter([&] {
    state = sqlstate_of([&] { (void)locks.lock(name, {.wait = 60s}); });
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  sql("SELECT pg_terminate_backend(pid) FROM lock_waiters WHERE key = '" +
      name.key + "'");
  waiter.join();
  EXPECT_EQ(state, "08006");
}

}  // namespace
