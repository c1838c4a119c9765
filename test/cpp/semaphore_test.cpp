// At most so many, over all nodes.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::semaphore;

TEST(semaphore, has_so_many_permits_for_all_clients) {
  client one;
  client two;
  const auto name = unique_name();
  semaphore here{one, name, 2};
  semaphore there{two, name, 2};
  auto first = here.try_acquire();
  auto second = there.try_acquire();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(here.try_acquire());
  EXPECT_FALSE(there.acquire({.wait = 200ms}));
  (*second).unlock();
  EXPECT_TRUE(here.try_acquire());
}

TEST(semaphore, serves_threads_of_one_client) {
  client locks;
  const auto name = unique_name();
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      semaphore slots{locks, name, 3};
      for (int n = 0; n < 5; ++n) {
        const auto permit = slots.acquire({.wait = patience});
        ASSERT_TRUE(permit);
        const int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::sleep_for(2ms);
        --inside;
      }
    });
  }
  threads.clear();
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 2);
}

TEST(semaphore, gets_back_the_permit_of_who_died) {
  client one{"", short_lease()};
  client two;
  const auto name = unique_name();
  const hold held = *semaphore{one, name, 1}.try_acquire();
  semaphore there{two, name, 1};
  EXPECT_FALSE(there.try_acquire());
  terminate(held.backend_pid());
  EXPECT_TRUE(there.acquire({.wait = patience}));
  EXPECT_TRUE(eventually([&] { return !held.held(); }, 5s));
}

TEST(semaphore, does_not_wait_without_limit) {
  client locks;
  semaphore free_one{locks, unique_name(), 1};
  EXPECT_EQ(sqlstate_of([&] { (void)free_one.acquire({}); }), "22023");
  EXPECT_TRUE(free_one.try_acquire());
}

TEST(semaphore, of_a_silly_size_is_refused) {
  client locks;
  for (const int permits : {0, -1, 8001}) {
    EXPECT_EQ(sqlstate_of([&] { semaphore(locks, unique_name(), permits); }),
              "22023");
  }
}

}  // namespace
