// A name is one lock, and a slot one slot, whatever the encodings of the
// database and of the connection are.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

// "cafe" with an accent, and a role, a slot and an application with it.
const std::string accent = "caf\xc3\xa9";

class encoding : public testing::TestWithParam<const char *> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    database = "encoding_" + name;
    for (char &c : database) c = static_cast<char>(std::tolower(c));
    if (sql("SELECT 1 FROM pg_database WHERE datname = '" + database + "'")
            .empty()) {
      sql("CREATE DATABASE " + database + " TEMPLATE template0 ENCODING '" +
          name + "' LC_COLLATE 'C' LC_CTYPE 'C'");
      sql("CREATE EXTENSION pg_exclusive", "dbname=" + database);
    }
  }

  [[nodiscard]] std::string conninfo(const std::string &more = "") const {
    return "dbname=" + database + " " + more;
  }

  std::string database;
  const lock_name name{"default", unique_name(accent).key};
};

// What the connection string says of the encoding.  Not every pair of them can
// be converted.
std::vector<std::string> client_encodings(const std::string &database) {
  if (database == "UTF8") {
    return {"", "client_encoding=UTF8", "client_encoding=LATIN1",
            "client_encoding=WIN1252", "options='-c client_encoding=latin1'"};
  }
  if (database == "LATIN1") {
    return {"", "client_encoding=UTF8", "client_encoding=LATIN1",
            "options='-c client_encoding=utf8'"};
  }
  return {"", "client_encoding=UTF8", "client_encoding=SHIFT_JIS_2004"};
}

TEST_P(encoding, of_the_connection_string_does_not_change_a_lock) {
  client one{conninfo()};
  const auto held = one.try_lock(name);
  ASSERT_TRUE(held);
  for (const auto &more : client_encodings(GetParam())) {
    client two{conninfo(more)};
    EXPECT_FALSE(two.try_lock(name)) << more;
    EXPECT_FALSE(two.try_run_in_transaction(name, [](pqxx::work &) {})) << more;
    EXPECT_FALSE(
        two.try_run_once_in_transaction(name, accent, [](pqxx::work &) {}))
        << more;
  }
}

TEST_P(encoding, of_a_connection_of_the_program_does_not_change_a_lock) {
  client one{conninfo("application_name=holder")};
  const auto held = one.try_lock(name);
  ASSERT_TRUE(held);
  for (const auto &more : client_encodings(GetParam())) {
    pqxx::connection connection(conninfo(more));
    const auto refused = pg_exclusive::try_run_in_transaction(
        connection, name, [](pqxx::work &) {});
    ASSERT_FALSE(refused) << more;
    EXPECT_EQ(refused.refused_by()->pid, (*held).backend_pid()) << more;
    EXPECT_EQ(refused.refused_by()->application_name, "holder") << more;
    EXPECT_FALSE(pg_exclusive::try_run_once_in_transaction(
        connection, name, accent, [](pqxx::work &) {}))
        << more;
    pqxx::work tx(connection);
    EXPECT_FALSE(pg_exclusive::try_lock(tx, name)) << more;
  }
}

TEST_P(encoding, does_not_change_a_slot) {
  client one{conninfo()};
  int ran = 0;
  EXPECT_TRUE(one.try_run_once(name, accent, [&] { ++ran; }));
  for (const auto &more : client_encodings(GetParam())) {
    client two{conninfo(more)};
    (void)two.try_run_once(name, accent, [&] { ++ran; });
    (void)two.try_run_once_in_transaction(name, accent,
                                          [&](pqxx::work &) { ++ran; });
    pqxx::connection connection(conninfo(more));
    (void)pg_exclusive::try_run_once_in_transaction(
        connection, name, accent, [&](pqxx::work &) { ++ran; });
  }
  EXPECT_EQ(ran, 1);
}

TEST_P(encoding, of_texts_that_come_back_is_utf8) {
  const std::string role = "r\xc3\xb4le_" + database;
  sql("SET client_encoding = 'UTF8'; DROP ROLE IF EXISTS \"" + role +
          "\"; CREATE ROLE \"" + role + "\" LOGIN",
      conninfo("client_encoding=UTF8"));
  pqxx::connection holder(conninfo("client_encoding=UTF8"));
  pqxx::work held(holder);
  held.exec("SET LOCAL SESSION AUTHORIZATION \"" + role + "\"");
  ASSERT_TRUE(pg_exclusive::try_lock(held, name));
  for (const auto &more : client_encodings(GetParam())) {
    pqxx::connection connection(conninfo(more));
    const auto refused = pg_exclusive::try_run_in_transaction(
        connection, name, [](pqxx::work &) {});
    ASSERT_TRUE(refused.refused_by()) << more;
    EXPECT_EQ(refused.refused_by()->pid, holder.backendpid()) << more;
    client locks{conninfo(more)};
    const auto by_client = locks.try_lock(name);
    ASSERT_TRUE(by_client.refused_by()) << more;
    EXPECT_EQ(by_client.refused_by()->role, refused.refused_by()->role) << more;
  }
}

TEST_P(encoding, of_an_error_is_utf8) {
  const lock_name unknown{"caf\xc3\xa9", "x"};
  client locks{conninfo()};
  std::string expected;
  try {
    (void)locks.try_lock(unknown);
    ADD_FAILURE();
  } catch (const lock_error &error) {
    EXPECT_EQ(error.sqlstate(), "42704");
    expected = error.what();
  }
  for (const auto &more : client_encodings(GetParam())) {
    pqxx::connection connection(conninfo(more));
    try {
      (void)pg_exclusive::try_run_in_transaction(connection, unknown,
                                                 [](pqxx::work &) {});
      ADD_FAILURE() << more;
    } catch (const lock_error &error) {
      EXPECT_EQ(error.what(), expected) << more;
    }
  }
}

TEST_P(encoding, of_the_environment_does_not_change_a_lock) {
  if (std::string(GetParam()) == "EUC_JIS_2004") GTEST_SKIP();
  client one{conninfo()};
  const auto held = one.try_lock(name);
  setenv("PGCLIENTENCODING", "LATIN1", 1);  // NOLINT(concurrency-mt-unsafe)
  {
    client two{conninfo()};
    EXPECT_FALSE(two.try_lock(name));
    EXPECT_FALSE(two.try_run_in_transaction(name, [](pqxx::work &) {}));
    // What the work itself reads is in the program's encoding.
    EXPECT_TRUE(two.try_run_in_transaction(
        lock_name{"default", name.key + "!"}, [](pqxx::work &tx) {
          EXPECT_EQ(tx.exec("SHOW client_encoding")[0][0].as<std::string>(),
                    "LATIN1");
        }));
  }
  unsetenv("PGCLIENTENCODING");  // NOLINT(concurrency-mt-unsafe)
}

TEST_P(encoding, that_has_no_such_letter_is_an_error) {
  if (std::string(GetParam()) != "LATIN1") GTEST_SKIP();
  const lock_name russian{"default", "\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87"};
  client locks{conninfo()};
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_lock(russian); }), "22P05");
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_run_in_transaction(russian, [](pqxx::work &) {});
            }),
            "22P05");
}

INSTANTIATE_TEST_SUITE_P(database, encoding,
                         testing::Values("UTF8", "LATIN1", "EUC_JIS_2004"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

// A database without an encoding keeps the bytes it is given.
TEST(encoding_of_bytes, does_not_change_a_lock) {
  if (sql("SELECT 1 FROM pg_database WHERE datname = 'encoding_bytes'")
          .empty()) {
    sql("CREATE DATABASE encoding_bytes TEMPLATE template0 "
        "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    sql("CREATE EXTENSION pg_exclusive", "dbname=encoding_bytes");
  }
  const lock_name name{"default", accent};
  client one{"dbname=encoding_bytes"};
  const auto held = one.try_lock(name);
  pqxx::connection connection("dbname=encoding_bytes");
  const auto refused = pg_exclusive::try_run_in_transaction(
      connection, name, [](pqxx::work &) {});
  EXPECT_EQ(refused.refused_by()->pid, (*held).backend_pid());
}

TEST(slot, with_a_zero_byte_is_refused_in_every_form) {
  using namespace std::string_view_literals;  // NOLINT
  constexpr auto slot = "order\0001"sv;
  client locks;
  const auto name = unique_name();
  pqxx::connection connection("");
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_run_once(name, slot, [] {}); }),
            "22021");
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_run_once_in_transaction(name, slot,
                                                      [](pqxx::work &) {});
            }),
            "22021");
  EXPECT_EQ(sqlstate_of([&] {
              (void)pg_exclusive::try_run_once_in_transaction(
                  connection, name, slot, [](pqxx::work &) {});
            }),
            "22021");
  hold held = *locks.try_lock(name);
  EXPECT_EQ(sqlstate_of([&] { (void)held.begin_run(slot); }), "22021");
  EXPECT_EQ(sqlstate_of([&] { held.finish_run(slot, true); }), "22021");
}

TEST(name, with_a_zero_byte_is_refused_in_every_form) {
  const lock_name zero{"default", std::string("a\0b", 3)};
  client locks;
  pqxx::connection connection("");
  pqxx::work tx(connection);
  const auto refused = [](auto &&f) { EXPECT_EQ(sqlstate_of(f), "22021"); };
  refused([&] { (void)locks.try_lock(zero); });
  refused([&] { (void)locks.lock(zero, {.wait = 1s}); });
  refused([&] { (void)locks.lock_all({unique_name(), zero}); });
  refused([&] { pg_exclusive::mutex{locks, zero}; });
  refused([&] { pg_exclusive::shared_mutex{locks, zero}; });
  refused([&] { pg_exclusive::semaphore(locks, zero, 2); });
  refused([&] { (void)pg_exclusive::try_lock(tx, zero); });
  refused(
      [&] { (void)locks.try_run_in_transaction(zero, [](pqxx::work &) {}); });
}

}  // namespace
