// Without the extension, when that is allowed.
#include <unistd.h>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

const client_options allowed{
    .lease = 6s,
    .without_extension = pg_exclusive::missing_extension_policy::allow};

class builtin : public testing::Test {
 protected:
  void SetUp() override { sql("CREATE DATABASE " + database); }
  void TearDown() override {
    sql("DROP DATABASE " + database + " WITH (FORCE)");
  }
  std::string database = "plain_" + std::to_string(getpid());
  std::string there = "dbname=" + database;
  lock_name name{"jobs", "nightly"};
};

TEST_F(builtin, is_refused_with_a_hint_by_default) {
  try {
    const client locks{there};
    FAIL();
  } catch (const lock_error &error) {
    EXPECT_EQ(error.sqlstate(), "0A000");
    EXPECT_NE(error.hint().find("CREATE EXTENSION"), std::string::npos);
  }
}

TEST_F(builtin, excludes_and_tells_who) {
  client one{there, allowed};
  client two{there, allowed};
  EXPECT_FALSE(one.has_extension());
  hold held = *one.try_lock(name);
  EXPECT_TRUE(held.held());
  EXPECT_FALSE(held.token());
  const auto refused = two.try_lock(name);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refused_by()->pid, held.backend_pid());
  EXPECT_EQ(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                "AND ((classid::bigint << 32) | objid::bigint) = " +
                    std::to_string(name.id()),
                there),
            "1");
  EXPECT_EQ(two.lock(name, {.wait = 200ms}).outcome(), outcome::timed_out);
  // Longer than lock_timeout can be.
  std::jthread waiter([&] {
    EXPECT_TRUE(two.lock(name, {.wait = std::chrono::milliseconds::max()}));
  });
  ASSERT_TRUE(eventually([&] { return two.stats().waits == 2; }));
  held.unlock();
}

TEST_F(builtin, shares) {
  client one{there, allowed};
  client two{there, allowed};
  const auto first =
      one.try_lock(name, {.mode = pg_exclusive::lock_mode::shared});
  const auto second =
      two.try_lock(name, {.mode = pg_exclusive::lock_mode::shared});
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(client(there, allowed).try_lock(name));
}

TEST_F(builtin, combines_calls_too) {
  client locks{there, allowed};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_TRUE(
            locks.try_run_exclusive({"jobs", std::to_string(i)}, [] {}));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(
      sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", there),
      "0");
}

TEST_F(builtin, notices_that_the_lock_is_gone) {
  client locks{there, allowed};
  const hold held = *locks.try_lock(name);
  inject(held, "SELECT pg_advisory_unlock_all()");
  EXPECT_TRUE(eventually([&] { return !held.held(); }, 20s));
  EXPECT_EQ(held.loss()->reason, pg_exclusive::loss_reason::lock_gone);
}

TEST_F(builtin, fakes_nothing) {
  client locks{there, allowed};
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_run_once(name, "slot", [] {}); }),
            "0A000");
  EXPECT_EQ(sqlstate_of([&] { pg_exclusive::semaphore(locks, name, 3); }),
            "0A000");
  EXPECT_EQ(holders(name), 0);
  EXPECT_TRUE(locks.try_run_in_transaction(
      name, [&](pqxx::work &) { EXPECT_FALSE(locks.try_lock(name)); }));
}

TEST_F(builtin, notices_that_the_extension_was_installed) {
  client locks{there, allowed};
  const hold held = *locks.try_lock(name);
  sql("CREATE EXTENSION pg_exclusive; SELECT lock_namespace('jobs')", there);
  EXPECT_TRUE(eventually([&] { return !held.held(); }, 20s));
  EXPECT_EQ(held.loss()->reason, pg_exclusive::loss_reason::extension_appeared);
  EXPECT_TRUE(locks.has_extension());
  EXPECT_TRUE(locks.try_lock({"jobs", "another"}));
}

TEST_F(builtin, excludes_the_extension_in_an_interop_namespace) {
  // One client that came before the extension, one after.
  client plain{
      there,
      {.lease = 60s,
       .without_extension = pg_exclusive::missing_extension_policy::allow}};
  sql("CREATE EXTENSION pg_exclusive; "
      "SELECT lock_namespace('jobs', interop => true)",
      there);
  client extended{there};
  {
    const auto held = plain.try_lock(name);
    ASSERT_TRUE(held);
    EXPECT_FALSE((*held).token());
    EXPECT_FALSE(extended.try_lock(name));
  }
  const auto held = extended.try_lock(name);
  ASSERT_TRUE(held);
  EXPECT_TRUE((*held).token());
  EXPECT_FALSE(plain.try_lock(name));
}

}  // namespace
