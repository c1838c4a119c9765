// The parent keeps its lock, whatever the child does.
#include <sys/wait.h>
#include <unistd.h>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

// Runs `body` in a child that leaves through exit(), handlers and all.
int in_child(const std::function<int()> &body) {
  const int pid = fork();
  if (pid == 0) exit(body());  // NOLINT(concurrency-mt-unsafe)
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class fork_test : public testing::Test {
 protected:
  void still_held() {
    EXPECT_TRUE(held.held());
    EXPECT_EQ(holders(name), 1);
    // The session works, and what it holds is ours.
    held.unlock();
    EXPECT_EQ(holders(name), 0);
    EXPECT_TRUE(locks.try_run_exclusive(name, [] {}));
  }

  static client &the_client() {
    static client one;  // destroyed by exit(), in the child too
    return one;
  }

  client &locks = the_client();
  lock_name name = unique_name();
  hold held = *locks.try_lock(name);
};

TEST_F(fork_test, child_just_exits) {
  EXPECT_EQ(in_child([] { return 3; }), 3);
  still_held();
}

TEST_F(fork_test, child_destroys_what_it_has) {
  EXPECT_EQ(in_child([&] {
              const hold gone = std::move(held);
              return gone.held() ? 1 : 0;
            }),
            0);
  still_held();
}

TEST_F(fork_test, child_is_told_that_the_client_is_dead) {
  EXPECT_EQ(in_child([&] {
              try {
                (void)locks.try_lock(name);
                return 1;
              } catch (const std::logic_error &) {
              }
              try {
                held.unlock();
                return 2;
              } catch (const std::logic_error &) {
              }
              return held.held() ? 3 : 0;
            }),
            0);
  still_held();
}

TEST_F(fork_test, child_makes_a_client_of_its_own) {
  EXPECT_EQ(in_child([&] {
              client mine;
              return mine.try_lock(name) ? 1 : 0;
            }),
            0);
  still_held();
}

TEST_F(fork_test, while_other_threads_work) {
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto mine = unique_name();
      while (!stop) EXPECT_TRUE(locks.try_run_exclusive(mine, [] {}));
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(in_child([] { return 0; }), 0);
  stop = true;
  threads.clear();
  still_held();
}

}  // namespace
