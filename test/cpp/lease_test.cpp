// The deadline of what a session holds: over is over.
#include "session/lease.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pg_exclusive::boot_clock;
using pg_exclusive::detail::lease;

TEST(lease, lives_until_its_deadline) {
  lease one;
  EXPECT_TRUE(one.alive());
  const auto until = boot_clock::now() + 30ms;
  one.set(until);
  while (one.alive()) EXPECT_LT(boot_clock::now() - 1s, until);
  EXPECT_GE(boot_clock::now(), until);
  EXPECT_EQ(one.deadline(), boot_clock::time_point::min());
}

TEST(lease, that_somebody_saw_expired_never_lives_again) {
  lease one;
  one.set(boot_clock::now());
  EXPECT_FALSE(one.alive());
  EXPECT_FALSE(one.extend(boot_clock::now() + 1h));  // a late answer
  EXPECT_FALSE(one.alive());
  one.set(boot_clock::now() + 1h);
  EXPECT_FALSE(one.alive());
}

TEST(lease, that_expired_unseen_does_not_live_again_either) {
  lease one;
  one.set(boot_clock::now());
  EXPECT_FALSE(one.extend(boot_clock::now() + 1h));
  EXPECT_FALSE(one.alive());
  EXPECT_EQ(one.deadline(), boot_clock::time_point::min());
}

TEST(lease, that_was_ended_is_over) {
  lease one;
  one.set(boot_clock::now() + 1h);
  one.end();
  EXPECT_FALSE(one.alive());
  EXPECT_FALSE(one.extend(boot_clock::now() + 1h));
  EXPECT_FALSE(one.alive());
}

TEST(lease, moves_on_but_never_back) {
  lease one;
  const auto later = boot_clock::now() + 2h;
  one.set(later);
  EXPECT_TRUE(one.extend(boot_clock::now() + 1h));
  EXPECT_EQ(one.deadline(), later);
  EXPECT_TRUE(one.extend(later + 1h));
  EXPECT_EQ(one.deadline(), later + 1h);
}

// Threads look while another one extends at the last moment: once one of them
// was told no, no other is told yes.
TEST(lease, has_one_end_for_all) {
  for (int round = 0; round < 300; ++round) {
    lease one;
    one.set(boot_clock::now() + 300us);
    std::atomic<bool> over{false};
    std::atomic<int> wrong{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 20; ++n) {
          const bool was_over = over;
          if (!one.alive()) {
            over = true;
          } else if (was_over) {
            ++wrong;
          }
          std::this_thread::sleep_for(20us);
        }
      });
    }
    std::this_thread::sleep_for(300us);
    (void)one.extend(boot_clock::now() + 1h);
    threads.clear();
    EXPECT_EQ(wrong, 0);
  }
}

}  // namespace
