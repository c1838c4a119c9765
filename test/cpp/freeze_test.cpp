// A client that is stopped with SIGSTOP and goes on later: somebody else has
// the lock by then, and its first look at it must already be right.
#include <csignal>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::boot_clock;

constexpr auto lease = 1000ms;

TEST(freeze, of_a_holder) {
  for (int round = 0; round < 3; ++round) {
    const auto name = unique_name("freeze");
    const diaries notes(1);
    child frozen([&] {
      client locks{"", {.lease = lease}};
      hold held = *locks.try_lock(name);
      notes[0].watch(held);
      try {
        held.release();
        return 1;
      } catch (const lock_lost &lost) {
        return lost.reason() == pg_exclusive::loss_reason::lease_expired ? 0
                                                                         : 2;
      }
    });
    ASSERT_TRUE(eventually([&] { return notes[0].holding.load(); }));
    frozen.signal(SIGSTOP);
    const auto stopped = boot_clock::now();
    client other;
    ASSERT_TRUE(other.lock(name, {.wait = patience}));
    const auto granted = boot_clock::now();
    // The server frees it when the lease has run out, not long before or after.
    EXPECT_GT(granted - stopped, lease / 2);
    frozen.signal(SIGCONT);
    EXPECT_EQ(frozen.wait(), 0);
    EXPECT_LT(notes[0].last_held, granted.time_since_epoch().count())
        << "it believed in its lock when another one had it";
  }
}

TEST(freeze, of_a_waiter_while_it_is_granted) {
  const auto name = unique_name("freeze");
  const diaries notes(1);
  client first;
  std::optional<hold> held = *first.try_lock(name);
  child frozen([&] {
    client locks{"", {.lease = lease}};
    const auto state = sqlstate_of([&] {
      const auto mine = locks.lock(name);
      if (mine && (*mine).held()) notes[0].watch(*mine);
    });
    return state == "08006" && notes[0].last_held == 0 ? 0 : 1;
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  frozen.signal(SIGSTOP);
  held.reset();  // the server grants it to the frozen one
  ASSERT_TRUE(eventually([&] { return holders(name) == 1; }));
  client other;
  EXPECT_TRUE(other.lock(name, {.wait = patience}));
  frozen.signal(SIGCONT);
  EXPECT_EQ(frozen.wait(), 0);
}

TEST(freeze, that_is_short_costs_nothing) {
  const auto name = unique_name("freeze");
  const diaries notes(1);
  child frozen([&] {
    client locks{"", {.lease = 6000ms}};
    hold held = *locks.try_lock(name);
    notes[0].holding = true;
    while (!notes[0].finished) std::this_thread::sleep_for(1ms);
    held.release();
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return notes[0].holding.load(); }));
  frozen.signal(SIGSTOP);
  std::this_thread::sleep_for(1s);
  frozen.signal(SIGCONT);
  notes[0].finished = true;
  EXPECT_EQ(frozen.wait(), 0);
}

TEST(freeze, of_a_client_that_is_killed_frees_the_lock_at_once) {
  const auto name = unique_name("freeze");
  const diaries notes(1);
  child victim([&] {
    client locks{"", {.lease = 600s}};
    notes[0].watch(*locks.try_lock(name));
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return notes[0].holding.load(); }));
  victim.signal(SIGKILL);
  EXPECT_TRUE(client().lock(name, {.wait = patience}));
}

}  // namespace
