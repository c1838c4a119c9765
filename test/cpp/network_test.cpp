// A network that is slow, silent or torn while sessions are opened and used.
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "proxy.hpp"
#include "support.hpp"

// Instead of libc's, for the library too: one name with two addresses.
extern "C" [[gnu::visibility("default")]] int getaddrinfo(const char *name,
                                                          const char *service,
                                                          const addrinfo *hints,
                                                          addrinfo **found) {
  static const auto real =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || std::string_view(name) != "two.addresses.test") {
    return real(name, service, hints, found);
  }
  addrinfo *second = nullptr;
  const int failed = real("127.0.0.1", service, hints, &second);
  if (failed != 0) return failed;
  const int status = real("127.0.0.2", service, hints, found);
  if (status == 0) (*found)->ai_next = second;
  return status;
}

namespace {

using namespace support;  // NOLINT
using std::chrono::steady_clock;
using test_proxy::direction;
using test_proxy::ending;
using test_proxy::proxy;

// Accepts connections at 127.0.0.2 and never answers.
class silent_address {
 public:
  explicit silent_address(int port)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (bind(fd_, reinterpret_cast<sockaddr *>(&address), sizeof address) !=
            0 ||
        listen(fd_, 64) != 0) {
      throw std::runtime_error("cannot listen");
    }
  }
  silent_address(const silent_address &) = delete;
  silent_address &operator=(const silent_address &) = delete;
  ~silent_address() { close(fd_); }

 private:
  int fd_;
};

std::string clear(const proxy &link) {
  return link.conninfo() + " sslmode=disable gssencmode=disable";
}

template <class F>
std::chrono::milliseconds time_of(F &&f) {
  const auto began = steady_clock::now();
  f();
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      steady_clock::now() - began);
}

// One after the other: PQsendQuery and its like of a whole message.
std::string notice(const std::string &text) {
  std::string fields = "SWARNING";
  fields.push_back('\0');
  fields += "C01000";
  fields.push_back('\0');
  fields += "M" + text;
  fields.append(2, '\0');
  const std::size_t size = fields.size() + 4;
  return {std::string("N") + static_cast<char>(size >> 24) +
          static_cast<char>(size >> 16) + static_cast<char>(size >> 8) +
          static_cast<char>(size) + fields};
}

TEST(slow_link, too_slow_for_the_lease_is_an_error_and_not_a_loop) {
  proxy link;
  link.delay(700ms, 700ms);
  const auto took = time_of([&] {
    try {
      client(clear(link), {.lease = 1s, .connect_timeout = 60s});
      ADD_FAILURE() << "no session lives here";
    } catch (const lock_error &error) {
      EXPECT_EQ(error.sqlstate(), "08001") << error.what();
      EXPECT_NE(std::string(error.what()).find("lease"), std::string::npos)
          << error.what();
    }
  });
  EXPECT_LT(took, 60s);
  EXPECT_EQ(link.accepted(), 1);
}

TEST(slow_link, that_the_lease_allows_for_works) {
  proxy link;
  link.delay(300ms, 300ms);
  client locks{clear(link), {.lease = 3s, .connect_timeout = 60s}};
  EXPECT_TRUE(locks.lock(unique_name(), {.wait = 20s}));
}

// The session of before is over, and no new one can be opened.
struct stranded {
  stranded() {
    terminate(first.backend_pid());
    link.deafen(true);
    EXPECT_TRUE(eventually([&] { return !first.held(); }));
  }
  proxy link;
  client locks{clear(link), {.connect_timeout = 60s}};
  hold first = *locks.try_lock(unique_name());
};

TEST(opening, hears_a_stop) {
  stranded s;
  std::stop_source stop;
  std::jthread soon([&] {
    EXPECT_TRUE(eventually([&] { return s.link.accepted() > 1; }));
    stop.request_stop();
  });
  const auto took = time_of([&] {
    EXPECT_EQ(s.locks.lock(unique_name(), {.stop = stop.get_token()}).outcome(),
              outcome::stopped);
  });
  EXPECT_LT(took, 30s);
}

TEST(opening, ends_with_the_wait_and_says_that_nobody_was_asked) {
  stranded s;
  std::string state;
  const auto took = time_of([&] {
    state = sqlstate_of(
        [&] { (void)s.locks.lock(unique_name(), {.wait = 300ms}); });
  });
  EXPECT_EQ(state, "08001");
  EXPECT_GE(took, 300ms);
  EXPECT_LT(took, 30s);
}

TEST(opening, ends_with_the_client) {
  stranded s;
  std::jthread closer([&] {
    EXPECT_TRUE(eventually([&] { return s.link.accepted() > 1; }));
    s.locks.close(100ms);
  });
  const auto took = time_of([&] {
    EXPECT_EQ(sqlstate_of([&] { (void)s.locks.try_lock(unique_name()); }),
              "08003");
  });
  EXPECT_LT(took, 30s);
}

TEST(address, that_is_silent_makes_way_for_the_next_of_its_name) {
  proxy link;
  const silent_address silent(link.port());
  client locks{"host=two.addresses.test port=" + std::to_string(link.port()),
               {.connect_timeout = 500ms}};
  EXPECT_TRUE(locks.try_lock(unique_name()));
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
}

TEST(address, that_falls_silent_after_the_login_makes_way) {
  for (const bool from_environment : {false, true}) {
    proxy first;
    // Lets the login through, and nothing after it.
    first.filter(
        [logged_in = false](char type, std::string_view message) mutable {
          const bool passes = !logged_in;
          logged_in = logged_in || type == 'Z';
          return passes ? std::string(message) : std::string();
        });
    const proxy second;
    std::string conninfo =
        "host=127.0.0.1,127.0.0.1 port=" + std::to_string(first.port()) + "," +
        std::to_string(second.port()) + " sslmode=disable gssencmode=disable";
    if (from_environment) {
      setenv("PGCONNECT_TIMEOUT", "2", 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      conninfo += " connect_timeout=2";
    }
    const auto took = time_of([&] {
      client locks{conninfo, {.connect_timeout = 300s}};
      EXPECT_TRUE(locks.try_lock(unique_name()));
    });
    unsetenv("PGCONNECT_TIMEOUT");  // NOLINT(concurrency-mt-unsafe)
    EXPECT_GE(took, 2s);
    EXPECT_LT(took, 60s);
    EXPECT_GE(second.accepted(), 1);
  }
}

TEST(address, is_named_when_it_took_too_long) {
  proxy link;
  link.deafen(true);
  try {
    client(clear(link), {.connect_timeout = 300ms});
    ADD_FAILURE();
  } catch (const lock_error &error) {
    EXPECT_NE(std::string(error.what()).find("within 300 ms"),
              std::string::npos)
        << error.what();
  }
}

TEST(connect_timeout, that_is_no_number_is_refused) {
  EXPECT_EQ(sqlstate_of([] { client("connect_timeout=5s"); }), "08001");
}

TEST(conninfo, with_a_zero_byte_is_refused) {
  EXPECT_EQ(sqlstate_of([] {
              client(std::string("application_name=a\0 host=nowhere", 32));
            }),
            "08001");
}

// The rest of the lease is what the call may take, and not the default timeout.
const client_options impatient{.lease = 2s, .connect_timeout = 1s};

TEST(transaction, on_a_link_that_fell_silent_ends) {
  proxy link;
  client locks{clear(link), impatient};
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  link.stall(direction::to_client, true);
  const auto took = time_of([&] {
    EXPECT_ANY_THROW(
        (void)locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  });
  EXPECT_LT(took, 20s);
}

TEST(transaction, whose_server_falls_silent_before_the_commit_ends) {
  proxy link;
  client locks{clear(link), impatient};
  const auto name = unique_name();
  const auto took = time_of([&] {
    EXPECT_ANY_THROW((void)locks.try_run_in_transaction(
        name, [&](pqxx::work &) { link.stall(direction::to_client, true); }));
  });
  EXPECT_LT(took, 20s);
  link.stall(direction::to_client, false);
}

TEST(transaction, that_throws_on_a_silent_server_ends) {
  proxy link;
  client locks{clear(link), impatient};
  const auto name = unique_name();
  const auto took = time_of([&] {
    EXPECT_THROW((void)locks.try_run_in_transaction(
                     name,
                     [&](pqxx::work &) {
                       link.stall(direction::to_client, true);
                       throw 7;
                     }),
                 int);
  });
  EXPECT_LT(took, 20s);
}

TEST(transaction, may_take_longer_than_the_lease) {
  client locks{"", {.lease = 2s}};
  EXPECT_TRUE(locks.try_run_in_transaction(
      unique_name(), [](pqxx::work &tx) { tx.exec("SELECT pg_sleep(3)"); }));
}

TEST(transaction, with_a_frozen_backend_takes_another_connection) {
  client locks{"", {.lease = 2s}};
  int pid = 0;
  const auto remember = [&](pqxx::work &tx) {
    pid = tx.exec("SELECT pg_backend_pid()")[0][0].as<int>();
  };
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), remember));
  const int before = pid;
  const frozen backend(before);
  EXPECT_TRUE(locks.try_run_in_transaction(unique_name(), remember));
  EXPECT_NE(pid, before);
}

TEST(transaction, in_progress_is_cut_off_by_close) {
  client locks;
  const auto name = unique_name();
  std::atomic<bool> running{false};
  std::jthread worker([&] {
    EXPECT_THROW(
        (void)locks.try_run_in_transaction(name,
                                           [&](pqxx::work &tx) {
                                             running = true;
                                             tx.exec("SELECT pg_sleep(60)");
                                           }),
        pqxx::broken_connection);
  });
  ASSERT_TRUE(eventually([&] { return running.load(); }));
  EXPECT_FALSE(locks.close(200ms));
  worker.join();
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE query = 'SELECT pg_sleep(60)'");
}

TEST(notices, at_login_do_not_reach_standard_error) {
  proxy link;
  link.filter([](char type, std::string_view message) {
    return (type == 'K' ? notice("collation mismatch") : std::string()) +
           std::string(message);
  });
  testing::internal::CaptureStderr();
  {
    client locks{clear(link)};
    EXPECT_TRUE(locks.try_lock(unique_name()));
    EXPECT_TRUE(
        locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(notices, before_the_last_words_do_not_hide_them) {
  proxy link;
  link.filter([](char type, std::string_view message) {
    std::string all;
    if (type == 'E') all = notice(std::string(20000, 'x'));
    return all + std::string(message);
  });
  client locks{clear(link)};
  hold held = *locks.try_lock(unique_name());
  terminate(held.backend_pid());
  ASSERT_TRUE(eventually([&] { return held.lost().stop_requested(); }));
  EXPECT_NE(held.loss()->detail.find("administrator"), std::string::npos)
      << held.loss()->detail;
}

// A try of a lock never meets the grant that another thread of the client gets.
TEST(tries, beside_a_wait_that_is_granted_are_never_refused_with_an_error) {
  proxy link;
  link.delay(5ms, 5ms);
  client locks{clear(link), {.lease = 600ms}};
  client other;
  const auto name = unique_name();
  std::atomic<bool> over{false};
  std::vector<std::jthread> tries;
  for (int i = 0; i < 3; ++i) {
    tries.emplace_back([&] {
      while (!over) {
        EXPECT_NE(sqlstate_of([&] { (void)locks.try_lock(name); }), "55006");
      }
    });
  }
  std::jthread rival([&] {
    while (!over) {
      if (auto held = other.lock(name, {.wait = 1s})) {
        // Longer than a third of the lease: the grant is then confirmed.
        std::this_thread::sleep_for(220ms);
      }
    }
  });
  for (int i = 0; i < 25; ++i) {
    // On a busy machine the short lease may run out.
    EXPECT_NE(sqlstate_of([&] { (void)locks.lock(name, {.wait = 10s}); }),
              "55006");
  }
  over = true;
}

}  // namespace
