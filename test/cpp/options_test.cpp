// What a client can be told, and what it tells.
#include <unistd.h>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

TEST(options, out_of_bounds_are_refused) {
  const std::vector<client_options> wrong{{.lease = 100ms},
                                          {.lease = 2h},
                                          {.max_sessions = 0},
                                          {.max_wait_sessions = 0},
                                          {.holds_per_session = 0}};
  for (const auto &options : wrong) {
    EXPECT_EQ(sqlstate_of([&] { client("", options); }), "22023");
  }
}

TEST(options, a_server_that_is_not_there_is_08001) {
  EXPECT_EQ(sqlstate_of([] { client("host=/nonexistent"); }), "08001");
  EXPECT_EQ(sqlstate_of([] { client("port=1 host=127.0.0.1"); }), "08001");
  EXPECT_EQ(sqlstate_of([] { client("no such thing"); }), "08001");
}

TEST(options, a_refused_login_has_the_servers_sqlstate) {
  EXPECT_EQ(sqlstate_of([] { client("dbname=no_such_database"); }), "3D000");
  EXPECT_EQ(sqlstate_of([] { client("user=no_such_role"); }), "28000");
}

TEST(options, settings_that_would_kill_a_hold_are_overridden) {
  const std::string role = "impatient_" + std::to_string(getpid());
  sql("CREATE ROLE " + role + " SUPERUSER LOGIN");
  for (const char *setting :
       {"statement_timeout = 200", "lock_timeout = 200",
        "idle_session_timeout = 200", "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'"}) {
    sql("ALTER ROLE " + role + " SET " + setting);
  }
  {
    client locks{"user=" + role, {.lease = 3s}};
    client waits{"user=" + role, {.lease = 3s}};
    const auto name = unique_name();
    std::optional<hold> held = *locks.try_lock(name);
    std::jthread waiter([&] { EXPECT_TRUE(waits.lock(name)); });
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
    std::this_thread::sleep_for(1s);  // longer than each of them
    EXPECT_TRUE(held->held());
    EXPECT_EQ(waiters(name), 1);
    held.reset();
    waiter.join();
    std::vector<std::string> found;
    for (const auto &setting : locks.facts().overridden) {
      EXPECT_EQ(setting.source, "user");
      found.push_back(setting.name + "=" + setting.value);
    }
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, (std::vector<std::string>{
                         "default_transaction_isolation=serializable",
                         "default_transaction_read_only=on",
                         "idle_session_timeout=200ms", "lock_timeout=200ms",
                         "statement_timeout=200ms"}));
  }
  sql("DROP ROLE " + role);
}

TEST(options, facts_have_the_client_give_up_before_the_server) {
  client locks{"host=127.0.0.1", {.lease = 6s}};
  const auto facts = locks.facts();
  EXPECT_FALSE(facts.unix_socket || facts.behind_pooler || facts.standby);
  EXPECT_GE(facts.server_version, 150000);
  EXPECT_NE(facts.extension_version, "");
  EXPECT_LT(facts.client_bound, facts.server_bound);
  EXPECT_LT(facts.client_tcp_bound, facts.lease);
  EXPECT_GE(facts.server_tcp_bound, facts.lease);
  EXPECT_EQ(facts.heartbeat_period, 2s);
}

TEST(options, the_provider_is_asked_for_each_connection) {
  std::atomic<int> asked{0};
  client locks{"host=/nonexistent", {.conninfo = [&] {
                 ++asked;
                 return std::string();
               }}};
  EXPECT_EQ(asked, 1);
  const auto name = unique_name();
  EXPECT_TRUE(locks.try_run_in_transaction(name, [](pqxx::work &) {}));
  EXPECT_EQ(asked, 2);
}

TEST(options, the_extension_is_found_wherever_it_is) {
  sql("CREATE DATABASE elsewhere");
  sql("CREATE SCHEMA \"odd Schema\"", "dbname=elsewhere");
  sql("CREATE EXTENSION pg_exclusive SCHEMA \"odd Schema\"",
      "dbname=elsewhere");
  // Whoever owns a schema of the search_path cannot get in between.
  sql("CREATE FUNCTION public.pg_backend_pid() RETURNS int LANGUAGE sql "
      "AS 'SELECT 1/0'; ALTER DATABASE elsewhere SET search_path = public, "
      "pg_catalog",
      "dbname=elsewhere");
  {
    client locks{"dbname=elsewhere"};
    EXPECT_TRUE(locks.try_run_exclusive({"default", "x"}, [] {}));
    EXPECT_TRUE(
        locks.try_run_in_transaction({"default", "x"}, [](pqxx::work &) {}));
    EXPECT_EQ(locks.facts().extension_schema, "\"odd Schema\"");
  }
  sql("DROP DATABASE elsewhere WITH (FORCE)");
}

TEST(options, events_tell_what_happened_in_order) {
  std::mutex access;
  std::vector<std::string> seen;
  const auto name = unique_name();
  {
    client locks{"", {.on_event = [&](const pg_exclusive::event &e) {
                   const std::lock_guard guard(access);
                   seen.emplace_back(to_string(e.kind));
                   if (e.name) {
                     EXPECT_EQ(*e.name, name);
                     EXPECT_TRUE(e.token);
                   }
                   throw std::runtime_error("dropped");
                 }}};
    hold held = *locks.try_lock(name);
    held.unlock();
    held = *locks.try_lock(name);
    terminate(held.backend_pid());
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard guard(access);
      return seen.size() >= 6;
    }));
  }
  EXPECT_EQ(seen,
            (std::vector<std::string>{"session opened", "granted", "released",
                                      "granted", "lost", "session closed"}));
}

}  // namespace
