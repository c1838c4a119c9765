// Many readers or one writer.
#include <barrier>
#include <shared_mutex>
#include <system_error>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::shared_mutex;

TEST(shared_mutex, readers_are_together_on_one_grant) {
  client locks;
  const auto name = unique_name();
  shared_mutex mine{locks, name};
  std::barrier together(4);
  std::barrier done(4);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const std::shared_lock guard(mine);
      together.arrive_and_wait();
      EXPECT_TRUE(mine.held());
      EXPECT_EQ(holders(name), 1);
      done.arrive_and_wait();
    });
  }
  threads.clear();
  EXPECT_EQ(holders(name), 0);
  EXPECT_EQ(locks.stats().shared_joins, 3U);
}

TEST(shared_mutex, a_writer_excludes_readers_and_the_other_way) {
  client one;
  client two;
  const auto name = unique_name();
  shared_mutex here{one, name};
  shared_mutex there{two, name};
  {
    const std::unique_lock writer(here);
    std::thread([&] {
      EXPECT_FALSE(there.try_lock_shared());
      EXPECT_FALSE(here.try_lock_shared());
    }).join();
  }
  {
    const std::shared_lock reader(here);
    std::thread([&] {
      EXPECT_FALSE(there.try_lock());
      EXPECT_FALSE(here.try_lock());
      EXPECT_FALSE(there.try_lock_for(100ms));
      const std::shared_lock beside(there, 5s);
      EXPECT_TRUE(beside.owns_lock());
    }).join();
  }
}

TEST(shared_mutex, has_no_upgrade) {
  client locks;
  shared_mutex mine{locks, unique_name()};
  const std::shared_lock reader(mine);
  EXPECT_THROW(mine.lock(), std::system_error);
  EXPECT_THROW(mine.lock_shared(), std::system_error);
  EXPECT_TRUE(mine.held());
}

// Readers that always overlap must not keep a writer out: not one of this
// process, not one of another.
void writer_gets_its_turn(client &readers, client &writer) {
  const auto name = unique_name();
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      shared_mutex mine{readers, name};
      std::this_thread::sleep_for(7ms * i);
      while (!stop) {
        const std::shared_lock guard(mine);
        std::this_thread::sleep_for(20ms);
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return readers.stats().shared_joins > 3; }));
  shared_mutex mine{writer, name};
  EXPECT_TRUE(mine.try_lock_for(patience));
  EXPECT_EQ(holders(name), 1);
  mine.unlock();
  stop = true;
}

TEST(shared_mutex, a_writer_of_this_process_gets_its_turn) {
  client locks;
  writer_gets_its_turn(locks, locks);
}

TEST(shared_mutex, a_writer_of_another_process_gets_its_turn) {
  client readers;
  client writer;
  writer_gets_its_turn(readers, writer);
}

}  // namespace
