// Each way to lose a lock, on a real server: it is noticed, it is told, and
// nothing goes on as if nothing had happened.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::loss_reason;

// What must be true of a hold that was lost.
void expect_lost(client &locks, hold &held, loss_reason reason,
                 std::chrono::milliseconds within) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] { return !held.held(); }, within + patience));
  EXPECT_LT(std::chrono::steady_clock::now() - began, within);
  EXPECT_TRUE(eventually([&] { return held.lost().stop_requested(); }, 5s));
  ASSERT_TRUE(held.loss());
  EXPECT_EQ(held.loss()->reason, reason) << held.loss()->detail;
  EXPECT_LE(held.loss()->others_may_run_since, held.loss()->when);
  EXPECT_THROW(held.check(), lock_lost);
  const int old_pid = held.backend_pid();
  const auto name = held.name();
  try {
    held.unlock();
    ADD_FAILURE() << "a lost lock was released as if nothing had happened";
  } catch (const lock_lost &lost) {
    EXPECT_EQ(lost.reason(), reason);
    EXPECT_EQ(lost.name(), name);
    EXPECT_FALSE(lost.hint().empty());
  }
  EXPECT_TRUE(eventually([&] { return holders(name) == 0; }));
  const auto again = locks.try_lock(name);  // on what is there now
  EXPECT_TRUE(again && (*again).held());
  if (reason != loss_reason::lock_gone) {
    EXPECT_NE((*again).backend_pid(), old_pid);
  }
}

TEST(loss, of_a_terminated_backend_is_told_within_a_second) {
  client locks;
  hold held = *locks.try_lock(unique_name());
  hold beside = *locks.try_lock(unique_name());
  std::atomic<bool> fired{false};
  const std::stop_callback on_loss(held.lost(), [&] { fired = true; });
  terminate(held.backend_pid());
  expect_lost(locks, held, loss_reason::connection_closed, 1s);
  EXPECT_TRUE(eventually([&] { return fired.load(); }, 1s));
  EXPECT_FALSE(beside.held());
  EXPECT_NE(beside.loss()->detail.find("administrator"), std::string::npos);
}

// Also for a thread that does nothing but look.
TEST(loss, has_its_reason_from_the_first_moment) {
  client locks;
  for (int i = 0; i < 5; ++i) {
    const hold held = *locks.try_lock(unique_name());
    const std::jthread killer([&] { terminate(held.backend_pid()); });
    const auto until = std::chrono::steady_clock::now() + patience;
    while (held.held() && std::chrono::steady_clock::now() < until) {
    }
    ASSERT_TRUE(held.loss());
    EXPECT_EQ(held.loss()->reason, loss_reason::connection_closed);
  }
}

// What is injected must not meet a heartbeat on the wire: they are far apart.
TEST(loss, by_discard_all_on_the_session) {
  client locks{"", short_lease(9s)};
  hold held = *locks.try_lock(unique_name());
  inject(held, "DISCARD ALL");
  expect_lost(locks, held, loss_reason::lock_gone, 20s);
}

TEST(loss, by_unlock_all_on_the_session_takes_only_the_locks) {
  client locks{"", short_lease(9s)};
  hold held = *locks.try_lock(unique_name());
  inject(held, "SELECT pg_advisory_unlock_all()");
  expect_lost(locks, held, loss_reason::lock_gone, 20s);
  EXPECT_EQ(locks.stats().connects, 1U);
}

TEST(loss, of_a_shared_lock_is_not_shared) {
  client locks{"", short_lease(900ms)};
  const auto name = unique_name();
  const auto mode = pg_exclusive::lock_mode::shared;
  const hold held = *locks.try_lock(name, {.mode = mode});
  inject(held, "SELECT pg_advisory_unlock_all()");
  ASSERT_TRUE(eventually([&] { return !held.held(); }, 20s));
  const hold anew = *locks.try_lock(name, {.mode = mode});
  EXPECT_EQ(holders(name), 1);
  EXPECT_TRUE(anew.held());
}

TEST(loss, that_nobody_noticed_yet_is_told_by_the_release) {
  client locks{"", {.lease = 600s}};
  hold held = *locks.try_lock(unique_name());
  inject(held, "SELECT pg_advisory_unlock_all()");
  EXPECT_TRUE(held.held());  // the next heartbeat is minutes away
  EXPECT_THROW(held.unlock(), lock_lost);
}

TEST(loss, while_the_task_runs_is_thrown_after_it) {
  client locks{"", short_lease()};
  bool ran = false;
  EXPECT_THROW((void)locks.try_run_exclusive(unique_name(),
                                             [&](hold &h) {
                                               terminate(h.backend_pid());
                                               ran = true;
                                               return 1;
                                             }),
               lock_lost);
  EXPECT_TRUE(ran);
}

TEST(loss, of_a_session_ends_the_calls_on_it) {
  client one;
  client two;
  const auto name = unique_name();
  const hold held = *one.try_lock(name);
  std::jthread waiter(
      [&] { EXPECT_EQ(sqlstate_of([&] { (void)two.lock(name); }), "08006"); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  terminate(std::stoi(
      sql("SELECT pid FROM lock_waiters WHERE key = '" + name.key + "'")));
  waiter.join();
  EXPECT_TRUE(two.try_run_exclusive(unique_name(), [] {}));
}

TEST(loss, callbacks_may_block_and_destroy) {
  auto locks = std::make_unique<client>("", short_lease());
  auto held = std::make_unique<hold>(*locks->try_lock(unique_name()));
  hold other = *locks->try_lock(unique_name());
  std::atomic<bool> done{false};
  const std::stop_callback on_loss(other.lost(), [&] {
    held.reset();
    locks.reset();
    done = true;
  });
  terminate(other.backend_pid());
  EXPECT_TRUE(eventually([&] { return done.load(); }));
}

TEST(loss, does_not_come_while_heartbeats_go_through) {
  client locks{"", short_lease(500ms)};
  std::vector<hold> held;
  for (int i = 0; i < 50; ++i) held.push_back(*locks.try_lock(unique_name()));
  std::this_thread::sleep_for(3s);  // six leases
  for (const auto &one : held) EXPECT_TRUE(one.held());
  EXPECT_GE(locks.stats().heartbeats, 6U);
}

}  // namespace
