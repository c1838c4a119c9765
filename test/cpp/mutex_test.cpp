// The standard's guards are ours.
#include <mutex>
#include <system_error>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::mutex;

TEST(mutex, works_with_the_standard_guards) {
  client locks;
  mutex one{locks, unique_name()};
  mutex two{locks, unique_name()};
  {
    const std::lock_guard guard(one);
    EXPECT_TRUE(one.held());
    EXPECT_TRUE(one.token());
  }
  EXPECT_FALSE(one.held());
  {
    const std::scoped_lock both(one, two);
    EXPECT_TRUE(one.held() && two.held());
  }
  {
    const std::unique_lock timed(one, 5s);
    EXPECT_TRUE(timed.owns_lock());
    const std::unique_lock until(two, std::chrono::system_clock::now() + 5s);
    EXPECT_TRUE(until.owns_lock());
  }
  EXPECT_EQ(holders(one.name()) + holders(two.name()), 0);
}

TEST(mutex, excludes_threads_and_other_mutexes_of_the_name) {
  client locks;
  const auto name = unique_name();
  int counter = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      mutex mine{locks, name};
      for (int n = 0; n < 25; ++n) {
        const std::lock_guard guard(mine);
        const int seen = counter;
        std::this_thread::yield();
        counter = seen + 1;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(counter, 200);
}

TEST(mutex, of_the_same_object_in_many_threads) {
  client locks;
  mutex shared{locks, unique_name()};
  int counter = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n) {
        const std::lock_guard guard(shared);
        ++counter;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(counter, 100);
}

TEST(mutex, try_lock_for_gives_up) {
  client locks;
  const auto name = unique_name();
  mutex here{locks, name};
  const std::lock_guard guard(here);
  std::thread([&] {
    mutex there{client(), name};
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(there.try_lock_for(200ms));
    EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms);
    EXPECT_FALSE(there.try_lock());
    EXPECT_FALSE(there.held());
  }).join();
}

TEST(mutex, locked_again_by_its_owner_is_an_error_not_a_hang) {
  client locks;
  mutex mine{locks, unique_name()};
  const std::lock_guard guard(mine);
  try {
    mine.lock();
    FAIL() << "locked twice";
  } catch (const std::system_error &error) {
    EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
  }
  EXPECT_TRUE(mine.held());
}

// The server would give it to the other thread, but the first still works.
TEST(mutex, lost_by_a_thread_at_work_costs_the_others_no_session) {
  client locks{"", {.lease = 1500ms, .holds_per_session = 1}};
  mutex mine{locks, unique_name()};
  const std::unique_lock guard(mine);
  terminate(std::stoi(sql("SELECT pid FROM lock_holders WHERE key = '" +
                          mine.name().key + "'")));
  ASSERT_TRUE(eventually([&] { return !mine.held(); }, 5s));
  std::jthread([&] {
    mutex same{locks, mine.name()};
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(same.try_lock_for(100ms));
  }).join();
  EXPECT_LE(locks.stats().sessions, 2);
}

TEST(mutex, lost_is_told_and_unlock_does_not_throw) {
  client locks{"", short_lease()};
  mutex mine{locks, unique_name()};
  std::unique_lock guard(mine);
  terminate(std::stoi(sql("SELECT pid FROM lock_holders WHERE key = '" +
                          mine.name().key + "'")));
  EXPECT_TRUE(eventually([&] { return !mine.held(); }, 5s));
  EXPECT_THROW(mine.check(), lock_lost);
  EXPECT_TRUE(eventually([&] { return mine.lost().stop_requested(); }, 5s));
  guard.unlock();
  guard.lock();  // anew, on a new session
  EXPECT_TRUE(mine.held());
}

// The largest and the smallest of each clock and unit: no wait is too long.
TEST(mutex, waits_for_all_of_the_longest_time) {
  client locks;
  client other;
  const auto name = unique_name();
  using namespace std::chrono;  // NOLINT
  const auto waits = [&](auto &&try_it) {
    std::optional<hold> held = *other.try_lock(name);
    std::jthread waiter([&] {
      mutex mine{locks, name};
      EXPECT_TRUE(try_it(mine));
      mine.unlock();
    });
    EXPECT_TRUE(eventually([&] { return waiters(name) == 1; }));
    held.reset();
  };
  waits([](auto &m) { return m.try_lock_for(hours::max()); });
  waits([](auto &m) { return m.try_lock_for(seconds::max()); });
  waits([](auto &m) { return m.try_lock_for(nanoseconds::max()); });
  waits([](auto &m) { return m.try_lock_for(duration<double>(1e300)); });
  waits([](auto &m) {
    return m.try_lock_until(time_point<system_clock, hours>::max());
  });
  waits([](auto &m) {
    return m.try_lock_until(steady_clock::time_point::max());
  });
  const hold held = *other.try_lock(name);
  mutex mine{locks, name};
  EXPECT_FALSE(mine.try_lock_for(hours::min()));
  EXPECT_FALSE(mine.try_lock_for(nanoseconds::min()));
  EXPECT_FALSE(mine.try_lock_until(system_clock::time_point::min()));
  EXPECT_FALSE(mine.try_lock_until(time_point<steady_clock, hours>::min()));
}

}  // namespace
