// The server crashes, with a server of its own to do it to.
#include <libpq-fe.h>

#include <csignal>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

bool start() {
  return run_as_server("pg_ctl start -w -D " + env("PGDATA") + " -o '-p " +
                       env("PGPORT") + "' -l " + env("SERVER_LOG") + ".again");
}

bool answers() {
  try {
    return sql("SELECT 1") == "1";
  } catch (const std::runtime_error &) {
    return false;
  }
}

class crash : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(eventually(answers, 60s));
    for (int i = 0; i < 10; ++i) {
      held.push_back(*locks.try_lock(unique_name("crash")));
    }
    for (const auto &one : held)
      last_token = std::max(last_token, *one.token());
  }

  // All ten are told.
  void expect_all_lost() {
    for (auto &one : held) {
      EXPECT_TRUE(eventually([&] { return one.lost().stop_requested(); }, 5s));
      EXPECT_FALSE(one.held());
      EXPECT_THROW(one.unlock(), lock_lost);
    }
  }
  // The same client goes on, with larger tokens.
  void expect_life_goes_on() {
    ASSERT_TRUE(eventually(answers, 60s));
    for (const auto &one : held) {
      std::optional<pg_exclusive::result<hold>> again;
      EXPECT_TRUE(eventually(
          [&] {
            try {
              again.emplace(locks.try_lock(one.name()));
              return bool(*again);
            } catch (const lock_error &error) {
              EXPECT_TRUE(error.is_connection_error()) << error.what();
              return false;
            }
          },
          60s));
      EXPECT_GT((**again).token(), last_token);
    }
  }

  client locks{"", {.holds_per_session = 4}};
  std::vector<hold> held;
  std::int64_t last_token = 0;
};

TEST_F(crash, of_an_unrelated_backend_restarts_the_server) {
  client unrelated;
  const auto other = unrelated.try_lock(unique_name());
  kill((*other).backend_pid(), SIGKILL);
  expect_all_lost();
  expect_life_goes_on();
}

TEST_F(crash, of_the_postmaster) {
  const int pid = postmaster();
  kill(pid, SIGKILL);
  expect_all_lost();
  EXPECT_TRUE(eventually(start, 60s));
  expect_life_goes_on();
}

TEST_F(crash, immediate_shutdown) {
  EXPECT_TRUE(run_as_server("pg_ctl stop -m immediate -D " + env("PGDATA")));
  expect_all_lost();
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_lock(held[0].name()); }),
            "08001");
  EXPECT_TRUE(eventually(start, 60s));
  expect_life_goes_on();
}

TEST_F(crash, leader_campaigns_while_the_server_is_away) {
  const auto name = unique_name("lead");
  std::atomic<int> terms{0};
  std::jthread leader([&] {
    client mine;
    EXPECT_TRUE(mine.lead(name, [&](hold &h) {
      if (++terms > 1) return;
      while (h.held()) std::this_thread::sleep_for(1ms);
    }));
  });
  ASSERT_TRUE(eventually([&] { return terms == 1; }));
  EXPECT_TRUE(run_as_server("pg_ctl stop -m immediate -D " + env("PGDATA")));
  EXPECT_TRUE(eventually(start, 60s));
  leader.join();
  EXPECT_EQ(terms, 2);
}

// A function that was called by its number, without a statement.
TEST_F(crash, is_not_what_the_fast_path_leads_to) {
  sql("CREATE FUNCTION fast() RETURNS boolean LANGUAGE plpgsql AS "
      "'DECLARE ran boolean; BEGIN CALL run_exclusive(''default'', ''k'', "
      "''SELECT 1'', NULL, ran); RETURN ran; END'");
  const auto number = std::stoul(sql("SELECT 'fast'::regproc::oid"));
  PGconn *connection = PQconnectdb("");
  int answer = 0;
  int size = 0;
  PGresult *result =
      PQfn(connection, static_cast<int>(number), &answer, &size, 1, nullptr, 0);
  EXPECT_STREQ(PQresultErrorField(result, PG_DIAG_SQLSTATE), "25001");
  PQclear(result);
  PQfinish(connection);
  for (auto &one : held) EXPECT_TRUE(one.held());
}

}  // namespace
