// A statement of a lock session that fails after it has taken a lock: whoever
// asked is told, and nothing stays locked that nobody has.
//
// In a database whose _details(), the last part of each statement, takes for
// ever, so that the cancel comes when the lock is granted.
#include <unistd.h>

#include "pg_exclusive/semaphore.hpp"
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

class cancel : public testing::Test {
 protected:
  void SetUp() override {
    sql("CREATE DATABASE " + database);
    sql("CREATE EXTENSION pg_exclusive", there);
  }
  void TearDown() override {
    sql("DROP DATABASE " + database + " WITH (FORCE)");
  }

  // From now on every answer takes for ever.
  void stall() const {
    sql("CREATE OR REPLACE FUNCTION exclusive_internal._details() RETURNS "
        "text[] LANGUAGE plpgsql "
        "AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$",
        there);
  }
  [[nodiscard]] int count(const std::string &rows) const {
    return std::stoi(sql("SELECT count(*) FROM " + rows, there));
  }
  // Cancels what is stalled, with so many locks granted.
  void cancel_with(int locks) const {
    ASSERT_TRUE(eventually([&] { return count("lock_holders") == locks; }));
    cancel_all();
  }
  void cancel_all() const {
    const std::string stalled =
        "pg_stat_activity WHERE wait_event = 'PgSleep' AND "
        "datname = current_database()";
    ASSERT_TRUE(eventually([&] { return count(stalled) == 1; }));
    sql("SELECT pg_cancel_backend(pid) FROM " + stalled, there);
  }
  void expect_free() const {
    EXPECT_TRUE(eventually([&] { return count("lock_holders") == 0; }));
  }

  std::string database = "cancelled_" + std::to_string(getpid());
  std::string there = "dbname=" + database;
};

TEST_F(cancel, of_a_take_leaves_no_lock) {
  client locks{there, {.lease = 600s}};
  hold before = *locks.try_lock({"default", "before"});
  stall();
  std::jthread thread([&] {
    EXPECT_EQ(sqlstate_of([&] {
                (void)locks.try_lock({"default", "a"});
              }),
              "57014");
  });
  cancel_with(2);
  thread.join();
  expect_free();
  // What was on the same session is lost with it, and says so.
  EXPECT_FALSE(before.held());
  EXPECT_THROW(before.unlock(), lock_lost);
}

// A statement in front keeps them waiting, so that they travel together.
TEST_F(cancel, of_a_batch_gives_back_all_of_it) {
  client locks{there, {.lease = 600s}};
  hold before = *locks.try_lock({"default", "before"});
  pqxx::connection connection(there);
  pqxx::work in_front(connection);
  in_front.exec(
      "LOCK TABLE exclusive_internal.run_record IN ACCESS EXCLUSIVE MODE");
  std::jthread run([&] { EXPECT_TRUE(before.begin_run("slot")); });
  ASSERT_TRUE(eventually([&] {
    return count(
               "pg_locks WHERE NOT granted AND relation = "
               "'exclusive_internal.run_record'::regclass") == 1;
  }));
  std::atomic<int> asking{0};
  std::atomic<int> told{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      ++asking;
      const auto state = sqlstate_of([&] {
        (void)locks.try_lock({"default", std::to_string(i)});
      });
      told += state == "57014" || state == "08006" ? 1 : 0;
    });
  }
  ASSERT_TRUE(eventually([&] { return asking == 8; }));
  stall();
  in_front.commit();
  run.join();
  ASSERT_TRUE(eventually([&] { return count("lock_holders") > 2; }));
  cancel_all();
  threads.clear();
  EXPECT_EQ(told, 8);
  expect_free();
}

TEST_F(cancel, of_a_permit_gives_it_back) {
  client locks{there, {.lease = 600s}};
  pg_exclusive::semaphore permits{locks, {"default", "s"}, 1};
  stall();
  std::jthread thread([&] {
    EXPECT_EQ(sqlstate_of([&] { (void)permits.try_acquire(); }), "57014");
  });
  cancel_with(1);
  thread.join();
  expect_free();
}

TEST_F(cancel, of_a_release_is_a_loss) {
  client locks{there, {.lease = 600s}};
  hold held = *locks.try_lock({"default", "a"});
  sql("CREATE OR REPLACE FUNCTION exclusive_internal._unlock(token bigint) "
      "RETURNS boolean "
      "LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); END $$",
      there);
  std::jthread thread([&] { EXPECT_THROW(held.unlock(), lock_lost); });
  cancel_with(1);
  thread.join();
  expect_free();
}

}  // namespace
