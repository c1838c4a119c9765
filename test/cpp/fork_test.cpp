// The parent keeps its lock, whatever the child does.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

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

// The child of a fork in the callback of a transaction.
class fork_in_transaction : public testing::TestWithParam<std::string> {
 protected:
  // The child leaves the callback, as `how` says; the parent commits.
  template <class Run>
  void runs(const Run &run, bool leave_by_throwing) {
    sql("SET client_min_messages = warning; "
        "CREATE TABLE IF NOT EXISTS forked (key text)");
    const lock_name name = unique_name();
    const int parent = getpid();
    int child = 0;
    bool told = false;
    try {
      EXPECT_TRUE(run(name, [&](pqxx::work &tx) {
        tx.exec("INSERT INTO forked VALUES ('" + name.key + "')");
        child = fork();
        if (child == 0) {
          if (leave_by_throwing) throw 7;
          return;
        }
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_EQ(WEXITSTATUS(status), 0);
        tx.exec("INSERT INTO forked VALUES ('" + name.key + "')");
        EXPECT_EQ(holders(name), 1);
      }));
    } catch (const std::logic_error &) {
      told = !leave_by_throwing;
    } catch (int) {
      told = leave_by_throwing;
    }
    if (getpid() != parent) exit(told ? 0 : 1);  // NOLINT: handlers and all
    EXPECT_EQ(sql("SELECT count(*) FROM forked WHERE key = '" + name.key + "'"),
              "2");
    EXPECT_EQ(holders(name), 0);
  }

  std::string conninfo() const { return GetParam(); }
};

TEST_P(fork_in_transaction, of_a_client) {
  client locks{conninfo()};
  for (const bool throws : {false, true}) {
    runs(
        [&](const lock_name &name, const auto &work) {
          return locks.try_run_in_transaction(name, work);
        },
        throws);
  }
}

TEST_P(fork_in_transaction, of_a_client_with_a_slot) {
  client locks{conninfo()};
  runs(
      [&](const lock_name &name, const auto &work) {
        return locks.try_run_once_in_transaction(name, "slot", work);
      },
      false);
}

TEST_P(fork_in_transaction, on_a_connection_of_the_program) {
  for (const bool throws : {false, true}) {
    pqxx::connection connection(conninfo());
    runs(
        [&](const lock_name &name, const auto &work) {
          return pg_exclusive::try_run_in_transaction(connection, name, work);
        },
        throws);
  }
}

INSTANTIATE_TEST_SUITE_P(over, fork_in_transaction,
                         testing::Values("", "host=127.0.0.1"));

// The parent dies in its transaction, the child lives on: the lock is free.
TEST(fork_of_a_transaction, does_not_keep_the_lock_of_a_dead_parent) {
  const lock_name name = unique_name();
  diaries shared(1);
  child parent([&] {
    client locks;
    (void)locks.try_run_in_transaction(name, [&](pqxx::work &) {
      if (fork() == 0) {
        while (!shared[0].finished) std::this_thread::sleep_for(10ms);
        _exit(0);
      }
      shared[0].holding = true;
      pause();
    });
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return shared[0].holding.load(); }));
  EXPECT_EQ(holders(name), 1);
  parent.signal(SIGKILL);
  parent.wait();
  EXPECT_TRUE(eventually([&] { return holders(name) == 0; }));
  shared[0].finished = true;
}

}  // namespace
