// Behind Debian's PgBouncer: refused by default, the transaction forms right in
// any mode, everything right in session mode when that is asserted.
#include "bouncer.hpp"
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

// What a client that was refused must not have left behind for others.
void expect_clean(const bouncer &pool) {
  EXPECT_EQ(sql("SHOW idle_session_timeout", pool.conninfo), "0");
  EXPECT_EQ(sql("SHOW tcp_user_timeout", pool.conninfo), "0");
  EXPECT_EQ(sql("SELECT count(*) FROM pg_prepared_statements", pool.conninfo),
            "0");
  EXPECT_EQ(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                "AND pid = pg_backend_pid()",
                pool.conninfo),
            "0");
}

TEST(pooler, is_refused_by_default_in_every_mode) {
  for (const char *mode : {"transaction", "session"}) {
    const bouncer pool(mode);
    try {
      const client locks{pool.conninfo};
      FAIL() << mode;
    } catch (const lock_error &error) {
      EXPECT_EQ(error.sqlstate(), "08P01");
      EXPECT_FALSE(error.is_connection_error());
      EXPECT_NE(error.hint().find("pooler_policy::session"), std::string::npos);
    }
    expect_clean(pool);
  }
}

TEST(pooler, in_transaction_mode_has_the_transaction_forms) {
  const bouncer pool("transaction");
  const auto name = unique_name("pooler");
  sql("CREATE TABLE pooled (n int); INSERT INTO pooled VALUES (0)");
  std::atomic<int> ran{0};
  std::vector<std::jthread> nodes;
  for (int i = 0; i < 2; ++i) {
    nodes.emplace_back([&] {
      pqxx::connection mine(pool.conninfo);
      for (int round = 0; round < 100; ++round) {
        const auto done = pg_exclusive::try_run_in_transaction(
            mine, name, [](pqxx::work &tx) {
              const int n = tx.exec("SELECT n FROM pooled")[0][0].as<int>();
              tx.exec("UPDATE pooled SET n = " + std::to_string(n + 1));
            });
        ran += done ? 1 : 0;
      }
    });
  }
  nodes.clear();
  EXPECT_EQ(std::stoi(sql("SELECT n FROM pooled")), ran);
  EXPECT_EQ(ran, 200);  // one backend: they are one after the other
  sql("DROP TABLE pooled");
  expect_clean(pool);
}

TEST(pooler, in_session_mode_works_when_asserted_and_leaks_nothing) {
  const bouncer pool("session");
  const auto name = unique_name("pooler");
  {
    client locks{
        pool.conninfo,
        {.lease = 1500ms, .pooler = pg_exclusive::pooler_policy::session}};
    client direct;
    EXPECT_TRUE(locks.facts().behind_pooler);
    std::optional<hold> held = *locks.try_lock(name);
    EXPECT_FALSE(direct.try_lock(name));
    // Not the number that the pooler made up for us.
    EXPECT_EQ(
        std::to_string(held->backend_pid()),
        sql("SELECT pid FROM lock_holders WHERE key = '" + name.key + "'"));
    std::this_thread::sleep_for(2s);  // heartbeats pass through
    EXPECT_TRUE(held->held());
    std::jthread waiter([&] {
      EXPECT_TRUE(direct.run_exclusive(name, {.wait = patience}, [] {}));
    });
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
    held.reset();
    waiter.join();
    EXPECT_TRUE(locks.try_run_exclusive(name, [] {}));
    hold last = *locks.try_lock(name);
    EXPECT_TRUE(locks.close());
    EXPECT_FALSE(last.held());
  }
  EXPECT_TRUE(eventually([&] { return holders(name) == 0; }));
  expect_clean(pool);
}

}  // namespace
