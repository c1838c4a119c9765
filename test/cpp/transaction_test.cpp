// Lock and work commit or fail together, on the user's own libpqxx objects.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

class transaction : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    sql("SET client_min_messages = warning; "
        "CREATE TABLE IF NOT EXISTS counter (key text PRIMARY KEY, n int)");
  }
  void SetUp() override {
    sql("INSERT INTO counter VALUES ('" + name.key + "', 0)");
  }
  int counter() const {
    return std::stoi(
        sql("SELECT n FROM counter WHERE key = '" + name.key + "'"));
  }
  // Reads, and writes what it read plus one: lost when it is not alone.
  void increment(pqxx::transaction_base &tx) const {
    const auto row =
        tx.exec("SELECT n FROM counter WHERE key = '" + name.key + "'");
    tx.exec(
        "UPDATE counter SET n = " + std::to_string(row[0][0].as<int>() + 1) +
        " WHERE key = '" + name.key + "'");
  }

  const lock_name name = unique_name("transaction");
};

TEST_F(transaction, of_a_client_commits_its_work_before_the_lock_is_free) {
  std::vector<std::jthread> nodes;
  std::atomic<int> ran{0};
  for (int i = 0; i < 4; ++i) {
    nodes.emplace_back([&] {
      client locks;
      for (int n = 0; n < 50; ++n) {
        ran += locks.try_run_in_transaction(
                   name, [&](pqxx::work &tx) { increment(tx); })
                   ? 1
                   : 0;
      }
    });
  }
  nodes.clear();
  EXPECT_GT(ran, 0);
  EXPECT_EQ(counter(), ran);
}

TEST_F(transaction, that_fails_leaves_neither_work_nor_lock) {
  client locks;
  EXPECT_THROW(
      (void)locks.try_run_in_transaction(name,
                                         [&](pqxx::work &tx) {
                                           increment(tx);
                                           throw std::runtime_error("no");
                                         }),
      std::runtime_error);
  EXPECT_EQ(counter(), 0);
  EXPECT_EQ(holders(name), 0);
  EXPECT_EQ(*locks.try_run_in_transaction(name,
                                          [&](pqxx::work &tx) {
                                            increment(tx);
                                            return 7;
                                          }),
            7);
  EXPECT_EQ(counter(), 1);
}

TEST_F(transaction, of_the_users_own) {
  pqxx::connection one("");
  pqxx::connection two("");
  pqxx::work tx(one);
  EXPECT_TRUE(pg_exclusive::try_lock(tx, name));
  EXPECT_TRUE(pg_exclusive::try_lock(tx, name));  // changes nothing
  const auto refused =
      pg_exclusive::try_run_in_transaction(two, name, [](pqxx::work &) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refused_by()->pid, one.backendpid());
  tx.commit();
  EXPECT_TRUE(
      pg_exclusive::try_run_in_transaction(two, name, [](pqxx::work &) {}));
}

TEST_F(transaction, excludes_the_holds_of_sessions) {
  client locks;
  const auto run = locks.try_run_in_transaction(
      name, [&](pqxx::work & /*tx*/) { EXPECT_FALSE(locks.try_lock(name)); });
  EXPECT_TRUE(run);
  const auto held = locks.try_lock(name);
  const auto refused = locks.try_run_in_transaction(name, [](pqxx::work &) {});
  EXPECT_EQ(refused.refused_by()->pid, (*held).backend_pid());
}

TEST_F(transaction, with_an_old_snapshot_is_refused) {
  for (const char *level : {"repeatable read", "serializable"}) {
    pqxx::connection connection(
        std::string("options='-c default_transaction_isolation=") +
        (level[0] == 'r' ? "repeatable\\\\ read" : "serializable") + "'");
    EXPECT_EQ(sqlstate_of([&] {
                (void)pg_exclusive::try_run_in_transaction(connection, name,
                                                           [](pqxx::work &) {});
              }),
              "25001")
        << level;
    EXPECT_EQ(holders(name), 0);
  }
}

TEST_F(transaction, runs_a_slot_exactly_once) {
  client locks;
  const auto run = [&](bool fail) {
    return locks.try_run_once_in_transaction(name, "slot", [&](pqxx::work &tx) {
      increment(tx);
      if (fail) throw 1;
    });
  };
  EXPECT_THROW((void)run(true), int);
  EXPECT_TRUE(run(false));
  EXPECT_EQ(run(false).outcome(), outcome::already_ran);
  EXPECT_EQ(counter(), 1);
}

TEST_F(transaction, survives_idle_connections_that_died) {
  client locks;
  int pid = 0;
  const auto remember = [&](pqxx::work &tx) {
    pid = tx.exec("SELECT pg_backend_pid()")[0][0].as<int>();
  };
  EXPECT_TRUE(locks.try_run_in_transaction(name, remember));
  terminate(pid);
  EXPECT_TRUE(locks.try_run_in_transaction(name, remember));
}

TEST_F(transaction, has_the_errors_of_the_server) {
  client locks;
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_run_in_transaction({"no-such", "x"},
                                                 [](pqxx::work &) {});
            }),
            "42704");
}

// Nothing that a transaction leaves in its session is there for the next one.
TEST_F(transaction, starts_in_a_session_without_a_past) {
  sql("SET client_min_messages = warning; DROP ROLE IF EXISTS low; "
      "CREATE ROLE low");
  client locks;
  const auto helper = unique_name();
  int pid = 0;
  const auto other = unique_name();
  ASSERT_TRUE(locks.try_run_in_transaction(name, [&](pqxx::work &tx) {
    pid = tx.exec("SELECT pg_backend_pid()")[0][0].as<int>();
    tx.exec("CREATE TEMP TABLE batch (id int)");
    tx.exec("SET statement_timeout = '200ms'");
    tx.exec("SET client_encoding = 'LATIN1'");
    tx.exec("PREPARE kept AS SELECT 1");
    tx.exec("DECLARE kept CURSOR WITH HOLD FOR SELECT 1");
    tx.exec("LISTEN kept");
    tx.conn().prepare("one", "SELECT 1");
    tx.exec("SELECT try_lock('default', '" + helper.key + "')");
    tx.exec("SET ROLE low");
  }));
  EXPECT_TRUE(eventually([&] { return holders(helper) == 0; }));
  ASSERT_TRUE(locks.try_run_in_transaction(other, [&](pqxx::work &tx) {
    EXPECT_EQ(tx.exec("SELECT pg_backend_pid()")[0][0].as<int>(), pid);
    EXPECT_EQ(tx.exec("SELECT current_user")[0][0].as<std::string>(),
              tx.exec("SELECT session_user")[0][0].as<std::string>());
    EXPECT_EQ(tx.exec("SHOW statement_timeout")[0][0].as<std::string>(), "0");
    EXPECT_TRUE(tx.exec("SELECT 1 FROM pg_prepared_statements").empty());
    EXPECT_TRUE(tx.exec("SELECT 1 FROM pg_cursors").empty());
    EXPECT_TRUE(tx.exec("SELECT pg_listening_channels()").empty());
    tx.exec("CREATE TEMP TABLE batch (id int)");
    tx.conn().prepare("one", "SELECT 2");
  }));
}

}  // namespace
