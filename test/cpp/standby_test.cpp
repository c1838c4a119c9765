// A standby beside the server: refused, and found around.
#include <algorithm>
#include <array>
#include <cstdio>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

bool is_in(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

class standby : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    data = env("PGHOST") + "/standby";
    ASSERT_TRUE(run_as_server("pg_basebackup -R -c fast -D " + data));
    for (int attempt = 0; attempt < 10; ++attempt) {
      port = std::to_string(some_port());
      if (start()) return;
    }
    FAIL() << "the standby does not start";
  }
  static void TearDownTestSuite() {
    run_as_server("pg_ctl stop -m immediate -D " + data);
  }

  static bool start() {
    return run_as_server("pg_ctl start -w -D " + data + " -l " + data +
                         ".log -o '-p " + port + "'");
  }

  static std::string only() { return "host=127.0.0.1 port=" + port; }
  // The standby comes first.
  static std::string both() {
    return "host=127.0.0.1,127.0.0.1 port=" + port + "," + env("PGPORT");
  }

  static std::string data;
  static std::string port;
};

std::string standby::data;
std::string standby::port;

TEST_F(standby, is_refused) {
  for (const auto without : {pg_exclusive::missing_extension_policy::refuse,
                             pg_exclusive::missing_extension_policy::allow}) {
    try {
      const client locks(only(), {.without_extension = without});
      FAIL() << "a lock there would exclude nobody";
    } catch (const lock_error &error) {
      EXPECT_EQ(error.sqlstate(), "25006");
      EXPECT_FALSE(error.is_connection_error());
      EXPECT_TRUE(is_in(error.what(), "standby")) << error.what();
      EXPECT_TRUE(is_in(error.hint(), "primary")) << error.hint();
    }
  }
}

TEST_F(standby, is_refused_when_nothing_else_is_asked_for) {
  EXPECT_EQ(
      sqlstate_of([&] { client(both() + " target_session_attrs=standby"); }),
      "25006");
}

TEST_F(standby, is_refused_by_the_transaction_forms) {
  pqxx::connection connection(only());
  const auto name = unique_name("standby");
  EXPECT_EQ(sqlstate_of([&] {
              (void)pg_exclusive::try_run_in_transaction(connection, name,
                                                         [](pqxx::work &) {});
            }),
            "25006");
  pqxx::work tx(connection);
  EXPECT_EQ(sqlstate_of([&] { (void)pg_exclusive::try_lock(tx, name); }),
            "25006");
}

TEST_F(standby, is_passed_over_for_the_primary) {
  for (const char *attributes :
       {"", " target_session_attrs=any", " target_session_attrs=primary",
        " target_session_attrs=read-write",
        " target_session_attrs=prefer-standby"}) {
    const bool chosen = is_in(attributes, "any") || is_in(attributes, "prefer");
    const auto name = unique_name("standby");
    const auto state = sqlstate_of([&] {
      client locks{both() + attributes};
      EXPECT_FALSE(locks.facts().standby);
      EXPECT_TRUE(locks.try_lock(name)) << attributes;
    });
    // What was asked for in so many words is not overruled.
    EXPECT_EQ(state, chosen ? "25006" : "") << attributes;
  }
}

TEST_F(standby, is_passed_over_by_the_transaction_forms) {
  client locks{both()};
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name("standby"),
                                           [](pqxx::work & /*tx*/) {}));
}

#ifdef PG_EXCLUSIVE_TOOL
TEST_F(standby, is_a_finding_of_the_doctor) {
  const std::string command = std::string(PG_EXCLUSIVE_TOOL) +
                              " doctor -h 127.0.0.1 -p " + port + " 2>&1";
  FILE *pipe = popen(command.c_str(), "re");  // NOLINT(cert-env33-c)
  ASSERT_NE(pipe, nullptr);
  std::string said;
  std::array<char, 512> some;
  while (fgets(some.data(), some.size(), pipe) != nullptr) said += some.data();
  EXPECT_EQ(WEXITSTATUS(pclose(pipe)), 2) << said;
  EXPECT_TRUE(is_in(said, "fail  role        this server is a standby"))
      << said;
  EXPECT_TRUE(is_in(said, "target_session_attrs=read-write")) << said;
}
#endif

// The last test: afterwards the standby is the primary.
TEST_F(standby, that_is_promoted_has_the_locks) {
  client locks{both()};
  const auto name = unique_name("standby");
  hold held = *locks.try_lock(name);
  const auto before = *held.token();
  EXPECT_TRUE(run_as_server("pg_ctl stop -m immediate -D " + env("PGDATA")));
  EXPECT_TRUE(eventually([&] { return !held.held(); }));
  EXPECT_THROW(held.unlock(), lock_lost);
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_lock(name); }), "25006");
  std::jthread candidate([&] {
    EXPECT_TRUE(locks.lead(unique_name("led"), [](hold &led) { led.check(); }));
  });
  ASSERT_TRUE(run_as_server("pg_ctl promote -w -D " + data));
  candidate.join();
  const auto again = locks.try_lock(name);
  ASSERT_TRUE(again);
  EXPECT_GT(*(*again).token(), before);
}

}  // namespace
