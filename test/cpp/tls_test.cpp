// Over TLS everything is as it is in the clear.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "proxy.hpp"
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
    ASSERT_TRUE(run_as_server(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
        "-nodes -days 2 -subj /CN=certified -keyout " +
        data + "/client.key -out " + data + "/client.crt"));
    ASSERT_TRUE(run_as_server("openssl pkcs8 -topk8 -in " + data +
                              "/client.key -out " + data +
                              "/locked.key -passout pass:secret"));
    ASSERT_TRUE(run_as_server("chmod 600 " + data + "/client.key " + data +
                              "/locked.key"));
    std::ofstream(data + "/pg_hba.conf")
        << "local all all trust\n"
           "hostssl all certified 127.0.0.1/32 cert\n"
           "hostssl all secretive 127.0.0.1/32 scram-sha-256\n"
           "hostssl all all 127.0.0.1/32 trust\n";
    sql("CREATE ROLE certified LOGIN");
    sql("SET password_encryption = 'scram-sha-256'; "
        "CREATE ROLE secretive LOGIN PASSWORD 'open sesame'");
    sql("ALTER SYSTEM SET ssl_ca_file = 'client.crt'");
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

// Standard input as a program has it whose input is somebody else's: open, and
// nothing comes.
class open_input {
 public:
  open_input() : before_(dup(0)) {
    if (pipe(ends_.data()) != 0) throw std::runtime_error("pipe");
    dup2(ends_[0], 0);
  }
  open_input(const open_input &) = delete;
  open_input &operator=(const open_input &) = delete;
  ~open_input() {
    dup2(before_, 0);
    for (const int fd : {before_, ends_[0], ends_[1]}) close(fd);
  }
  // Did somebody read what belongs to the program?
  [[nodiscard]] bool untouched() const {
    const char byte = '!';
    char back = 0;
    return write(ends_[1], &byte, 1) == 1 && read(0, &back, 1) == 1 &&
           back == byte;
  }

 private:
  int before_;
  std::array<int, 2> ends_{};
};

std::string certified(const std::string &key) {
  return "host=127.0.0.1 sslmode=require user=certified sslcert=" +
         env("PGDATA") + "/client.crt sslkey=" + env("PGDATA") + key;
}

TEST_F(tls, with_a_client_certificate_carries_all) {
  client locks{certified("/client.key")};
  const auto name = unique_name();
  EXPECT_TRUE(locks.try_lock(name));
  EXPECT_TRUE(locks.lock(name, {.wait = 5s}));
  EXPECT_TRUE(locks.try_run_in_transaction(name, [](pqxx::work &tx) {
    EXPECT_EQ(tx.exec("SELECT current_user")[0][0].as<std::string>(),
              "certified");
  }));
}

TEST_F(tls, with_an_encrypted_key_asks_nobody_for_its_passphrase) {
  const open_input input;
  try {
    client(certified("/locked.key"));
    ADD_FAILURE() << "the key is encrypted";
  } catch (const lock_error &error) {
    EXPECT_EQ(error.sqlstate(), "08001");
    EXPECT_NE(error.hint().find("sslpassword"), std::string::npos)
        << error.what();
  }
  EXPECT_TRUE(input.untouched());
  client locks{certified("/locked.key") + " sslpassword=secret"};
  EXPECT_TRUE(locks.try_lock(unique_name()));
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
}

TEST_F(tls, binds_a_password_to_the_channel) {
  const std::string conninfo =
      verified + " user=secretive channel_binding=require password=";
  client locks{conninfo + "'open sesame'"};
  EXPECT_TRUE(locks.try_lock(unique_name()));
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  EXPECT_EQ(sqlstate_of([&] { client(conninfo + "wrong"); }), "28P01");
}

// A hold over a link that falls silent ends by its deadline, and the
// transaction on it with the lease.
TEST_F(tls, on_a_silent_link_ends_in_time) {
  test_proxy::proxy link({"127.0.0.1", std::stoi(env("PGPORT"))});
  client locks{link.conninfo() + " sslmode=require",
               {.lease = 2s, .connect_timeout = 1s}};
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  const hold held = *locks.try_lock(unique_name());
  link.stall(test_proxy::direction::to_client, true);
  EXPECT_ANY_THROW(
      (void)locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  EXPECT_TRUE(eventually([&] { return held.lost().stop_requested(); }));
}

// Wherever the link is cut, no call hangs and none is believed.
TEST_F(tls, that_is_cut_anywhere_is_an_error) {
  for (std::uint64_t bytes = 0; bytes < 4000; bytes += 97) {
    test_proxy::proxy link({"127.0.0.1", std::stoi(env("PGPORT"))});
    link.cut(
        test_proxy::direction::to_client, bytes,
        bytes % 2 == 0 ? test_proxy::ending::fin : test_proxy::ending::rst);
    const auto state = sqlstate_of([&] {
      client locks{link.conninfo() + " sslmode=require", {.lease = 5s}};
      (void)locks.try_lock(unique_name());
    });
    EXPECT_TRUE(state.empty() || state.starts_with("08")) << bytes << state;
  }
}

}  // namespace
