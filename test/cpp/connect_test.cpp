// Several hosts, and hosts that are silent.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using std::chrono::steady_clock;

// A port where nobody ever answers, though connections are accepted.
class silence {
 public:
  silence() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    if (bind(fd_, generic, size) != 0 || listen(fd_, 64) != 0 ||
        getsockname(fd_, generic, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port = std::to_string(ntohs(address.sin_port));
  }
  silence(const silence &) = delete;
  silence &operator=(const silence &) = delete;
  ~silence() { close(fd_); }

  std::string port;

 protected:
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// Passes on what is said to the server, but only its first so many answers.
class deaf_server : public silence {
 public:
  explicit deaf_server(int answers)
      : thread_([this, answers](const std::stop_token &stop) {
          serve(stop, answers);
        }) {}

 private:
  static int connect_to_server() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(env("PGPORT"))));
    if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) !=
        0) {
      throw std::runtime_error("cannot connect");
    }
    return fd;
  }
  static bool readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return poll(&one, 1, 10) > 0;
  }
  static bool pass(int from, int to) {
    std::array<char, 65536> bytes;
    const ssize_t n = recv(from, bytes.data(), bytes.size(), 0);
    return n > 0 && send(to, bytes.data(), n, MSG_NOSIGNAL) == n;
  }
  void serve(const std::stop_token &stop, int answers) const {
    while (!stop.stop_requested()) {
      if (!readable(fd())) continue;
      const int client_side = accept(fd(), nullptr, nullptr);
      const int server_side = connect_to_server();
      for (int given = 0; !stop.stop_requested();) {
        if (readable(client_side) && !pass(client_side, server_side)) break;
        if (given == answers || !readable(server_side)) continue;
        if (!pass(server_side, client_side)) break;
        ++given;
      }
      close(client_side);
      close(server_side);
    }
  }

  std::jthread thread_;
};

std::string hosts(const std::string &ports) {
  const auto several = std::count(ports.begin(), ports.end(), ',');
  std::string list = "127.0.0.1";
  for (int i = 0; i < several; ++i) list += ",127.0.0.1";
  return "host=" + list + " port=" + ports;
}

const client_options hasty{.connect_timeout = 300ms};

TEST(connect, goes_to_the_next_host_when_the_first_refuses) {
  client locks{hosts("1," + env("PGPORT"))};
  EXPECT_TRUE(locks.try_lock(unique_name()));
}

TEST(connect, goes_to_the_next_host_when_the_first_is_silent) {
  const silence first;
  const silence second;
  client locks{hosts(first.port + "," + second.port + "," + env("PGPORT")),
               hasty};
  EXPECT_TRUE(locks.try_lock(unique_name()));
  // Wherever the live one stands.
  client again{hosts(env("PGPORT") + "," + first.port), hasty};
  EXPECT_TRUE(again.try_lock(unique_name()));
}

TEST(connect, finds_the_primary_behind_a_silent_host) {
  const silence first;
  client locks{hosts(first.port + "," + env("PGPORT")) +
                   " target_session_attrs=read-write",
               hasty};
  EXPECT_TRUE(locks.try_lock(unique_name()));
}

TEST(connect, of_a_transaction_goes_to_the_next_host_too) {
  const silence first;
  client locks{hosts(first.port + "," + env("PGPORT")), hasty};
  EXPECT_TRUE(
      locks.try_run_in_transaction(unique_name(), [](pqxx::work & /*tx*/) {}));
}

TEST(connect, to_silent_hosts_ends) {
  const silence first;
  const silence second;
  const auto began = steady_clock::now();
  EXPECT_EQ(sqlstate_of(
                [&] { client(hosts(first.port + "," + second.port), hasty); }),
            "08001");
  EXPECT_GE(steady_clock::now() - began, 600ms);
  EXPECT_LT(steady_clock::now() - began, 600ms + 5s);
}

// One finds out for all that wait for it, whatever they want.
TEST(connect, to_a_silent_host_takes_many_threads_as_long_as_one) {
  const silence nobody;
  std::atomic<bool> silent{false};
  auto options = hasty;
  options.conninfo = [&] { return silent ? hosts(nobody.port) : ""; };
  client locks{"", options};
  hold held = *locks.try_lock(unique_name());
  silent = true;
  terminate(held.backend_pid());
  ASSERT_TRUE(eventually([&] { return !held.held(); }));
  const auto began = steady_clock::now();
  const auto common = unique_name();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&, name = i % 2 == 0 ? unique_name() : common] {
      EXPECT_EQ(sqlstate_of([&] {
                  (void)locks.try_lock(
                      name, {.mode = pg_exclusive::lock_mode::shared});
                }),
                "08001");
    });
  }
  threads.clear();
  EXPECT_LT(steady_clock::now() - began, 600ms + 5s);
}

TEST(connect, timeout_of_the_connection_string_counts) {
  const silence only;
  const auto began = steady_clock::now();
  EXPECT_EQ(sqlstate_of([&] {
              client(hosts(only.port) + " connect_timeout=1",
                     {.connect_timeout = 60s});
            }),
            "08001");
  EXPECT_GE(steady_clock::now() - began, 1s);
  EXPECT_LT(steady_clock::now() - began, 6s);
}

// It falls silent after the login, or anywhere later on the way to a session.
TEST(connect, to_a_server_that_falls_silent_ends) {
  for (int answers = 0; answers < 3; ++answers) {
    const deaf_server server(answers);
    const auto began = steady_clock::now();
    const auto state = sqlstate_of([&] {
      client(hosts(server.port) + " sslmode=disable gssencmode=disable", hasty);
    });
    EXPECT_EQ(state.substr(0, 2), "08") << answers;
    EXPECT_LT(steady_clock::now() - began, 600ms + 5s);
  }
}

TEST(connect, through_a_server_that_answers_works) {
  const deaf_server server(1'000'000);
  client locks{hosts(server.port)};
  EXPECT_TRUE(locks.try_lock(unique_name()));
}

}  // namespace
