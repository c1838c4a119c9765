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
      auto [locks, held] = patiently(notes[0], [&] {
        client mine{"", {.lease = lease}};
        hold taken = *mine.try_lock(name);
        return std::pair(std::move(mine), std::move(taken));
      });
      notes[0].watch(held);
      try {
        held.unlock();
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

// What a frozen child does beside holding its lock.
enum class beside { nothing, tries, leads };

// Waits for the loss that a freeze brings; 0 when it was told of it, 1 when it
// was not, 10 and their number when there were not as many events as losses.
int await_loss(const lock_name &name, diary &note,
               std::chrono::milliseconds lease, beside what) {
  std::atomic<int> lost_events{0};
  const auto count = [&](const pg_exclusive::event &what) {
    if (what.kind == pg_exclusive::event_kind::lost && what.name == name) {
      ++lost_events;
    }
  };
  client locks{"", {.lease = lease, .on_event = count}};
  bool told = false;
  const auto wait_for = [&](const std::stop_token &lost) {
    note.holding = true;
    // The freeze comes when all of the group hold.
    told = eventually([&] { return lost.stop_requested(); }, 150s);
  };
  if (what == beside::leads) {
    std::stop_source ended;
    locks.lead(
        name,
        [&](const hold &held) {
          wait_for(held.lost());
          ended.request_stop();
        },
        ended.get_token());
  } else {
    const hold held = *locks.try_lock(name);
    // Another thread has calls of its own on the way, on the same session.
    std::jthread other;
    if (what == beside::tries) {
      other = std::jthread([&](const std::stop_token &stop) {
        const auto mine = unique_name("freeze");
        while (!stop.stop_requested()) {
          try {
            (void)locks.try_lock(mine);
          } catch (const lock_error &) {
            // The session broke: the next call opens another one.
          }
        }
      });
    }
    wait_for(held.lost());
  }
  if (!told) return 1;
  // A leader on a busy machine can lose a term before its task runs.
  const auto right = [&] {
    return what == beside::leads ? lost_events >= 1 : lost_events == 1;
  };
  return eventually(right) ? 0 : 10 + lost_events;
}

// Stops them all for longer than the lease; `told[i]` says whether child i
// heard of its loss after it went on.
void freeze_group(std::chrono::milliseconds lease, beside what) {
  constexpr int children = 20;
  const diaries notes(children);
  std::vector<std::unique_ptr<child>> group;
  for (int i = 0; i < children; ++i) {
    const auto name = unique_name("freeze");
    group.push_back(std::make_unique<child>([&notes, i, name, lease, what] {
      return patiently(notes[i],
                       [&] { return await_loss(name, notes[i], lease, what); });
    }));
  }
  for (int i = 0; i < children; ++i) {
    ASSERT_TRUE(eventually([&] { return notes[i].holding.load(); }, 120s));
  }
  for (auto &one : group) one->signal(SIGSTOP);
  std::this_thread::sleep_for(lease + 200ms);
  for (auto &one : group) one->signal(SIGCONT);
  for (int i = 0; i < children; ++i) {
    EXPECT_EQ(group[i]->wait(), 0) << "child " << i;
  }
}

TEST(freeze, tells_every_holder_that_it_lost) {
  for (const auto lease : {500ms, 1000ms, 2500ms}) {
    for (const auto what : {beside::nothing, beside::tries, beside::leads}) {
      freeze_group(lease, what);
    }
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
    held.unlock();
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
