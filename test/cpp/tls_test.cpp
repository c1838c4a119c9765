// Over TLS everything is as it is in the clear.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

// The server gets a certificate of its own making, and from the network takes
// only what is encrypted.
class tls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string data = env("PGDATA");
    ASSERT_TRUE(run_as_server(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
        "-nodes -days 2 -subj /CN=localhost -keyout " +
        data + "/server.key -out " + data + "/server.crt"));
    std::ofstream(data + "/pg_hba.conf")
        << "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
    sql("ALTER SYSTEM SET ssl = on");
    sql("SELECT pg_reload_conf()");
    ASSERT_TRUE(eventually([] {
      try {
        return sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                   verified) == "t";
      } catch (const std::runtime_error &) {
        return false;
      }
    }));
  }

  static const std::string verified;
};

const std::string tls::verified =
    "host=localhost hostaddr=127.0.0.1 sslmode=verify-full sslrootcert=" +
    env("PGDATA") + "/server.crt";

TEST_F(tls, is_what_lock_sessions_use) {
  client locks{verified + " application_name=encrypted"};
  client other{"host=127.0.0.1 sslmode=require application_name=encrypted"};
  const auto held = locks.try_lock(unique_name());
  const auto held_too = other.try_lock(unique_name());
  EXPECT_TRUE(held && held_too);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity "
                "USING (pid) WHERE application_name = 'encrypted' AND ssl"),
            "2");
  EXPECT_FALSE(locks.facts().unix_socket);
}

TEST_F(tls, is_not_given_up_for_clear_text) {
  EXPECT_EQ(sqlstate_of([] { client("host=127.0.0.1 sslmode=disable"); }),
            "28000");
  EXPECT_EQ(sqlstate_of([] {
              client("host=127.0.0.1 sslmode=verify-full sslrootcert=" +
                     env("PGDATA") + "/server.crt");
            }),
            "08001");  // another name than the certificate's
}

TEST_F(tls, carries_waits_and_stops) {
  client one{verified};
  client two{verified};
  const auto name = unique_name();
  std::optional<hold> held = *one.try_lock(name);
  std::stop_source stop;
  std::jthread stopped([&] {
    EXPECT_EQ(two.lock(name, {.stop = stop.get_token()}).outcome(),
              outcome::stopped);
    EXPECT_EQ(waiters(name), 0);
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  stop.request_stop();
  stopped.join();
  std::jthread waiter([&] { EXPECT_TRUE(two.lock(name)); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  held.reset();
}

TEST_F(tls, carries_heartbeats_and_many_threads) {
  client locks{verified, {.lease = 1500ms}};
  const hold held = *locks.try_lock(unique_name());
  const auto until = std::chrono::steady_clock::now() + 3s;  // two leases
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      const auto name = unique_name();
      while (std::chrono::steady_clock::now() < until) {
        EXPECT_TRUE(locks.try_run_exclusive(name, [] {}));
      }
    });
  }
  threads.clear();
  EXPECT_TRUE(held.held());
  EXPECT_GE(locks.stats().heartbeats, 4U);
}

TEST_F(tls, tells_a_loss_within_a_second) {
  client locks{verified};
  hold held = *locks.try_lock(unique_name());
  terminate(held.backend_pid());
  EXPECT_TRUE(eventually([&] { return held.lost().stop_requested(); }, 1s));
  EXPECT_FALSE(held.held());
  EXPECT_THROW(held.unlock(), lock_lost);
  EXPECT_TRUE(locks.try_lock(held.name()));
}

TEST_F(tls, is_left_alone_by_a_child) {
  client locks{verified};
  const auto name = unique_name();
  hold held = *locks.try_lock(name);
  const int pid = fork();
  if (pid == 0) exit(held.held() ? 1 : 0);  // NOLINT(concurrency-mt-unsafe)
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  held.unlock();
  EXPECT_EQ(holders(name), 0);
}

TEST_F(tls, carries_the_transaction_forms) {
  client locks{verified};
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), [](pqxx::work &tx) {
    EXPECT_EQ(tx.exec("SELECT ssl FROM pg_stat_ssl "
                      "WHERE pid = pg_backend_pid()")[0][0]
                  .as<bool>(),
              true);
  }));
}

TEST_F(tls, is_closed_in_time_when_the_server_is_frozen) {
  client locks{verified, {.lease = 600s}};
  const hold held = *locks.try_lock(unique_name());
  const frozen backend(held.backend_pid());
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(locks.close(300ms));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

}  // namespace
