// The proxy speaks only when nobody else does, and keeps the answer to itself.

#include "run/link.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace harness {
namespace {

// A message with a letter, or without: the start-up.
std::string message(char letter, const std::string &payload) {
  std::string text(letter == '\0' ? 0 : 1, letter);
  const auto length = static_cast<std::uint32_t>(4 + payload.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += static_cast<char>(length >> shift & 0xff);
  }
  return text + payload;
}

const std::string kStartUp = message('\0', "start");
const std::string kBackend = message('K', {'\0', '\0', '\0', '\x2a', 'k'});
const std::string kReady = message('Z', "I");
const std::string kQuery = message('Q', "SELECT 1");

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    std::array<int, 2> pair{};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data());
    client_ = pair[0];
    const int to_client = pair[1];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data());
    server_ = pair[0];
    link_.emplace(to_client, pair[1]);
  }
  ~LinkTest() override {
    close(client_);
    close(server_);
  }

  static void say(int end, const std::string &text) {
    ASSERT_EQ(send(end, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  static std::string hear(int end) {
    std::array<char, 4096> bytes{};
    const ssize_t count = recv(end, bytes.data(), bytes.size(), 0);
    return {bytes.data(),
            static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  // Moves all there is to move; false when the link is over.
  bool move() {
    for (int i = 0; i < 5; ++i) {
      auto ready = link_->interests();
      poll(ready.data(), ready.size(), 0);
      if (!link_->move(ready)) {
        return false;
      }
    }
    return true;
  }
  void start_up() {
    say(client_, kStartUp);
    ASSERT_TRUE(move());
    EXPECT_EQ(hear(server_), kStartUp);
    EXPECT_FALSE(link_->idle());
    say(server_, kBackend + kReady);
    ASSERT_TRUE(move());
    EXPECT_EQ(hear(client_), kBackend + kReady);
    EXPECT_TRUE(link_->idle());
  }

  int client_ = -1;
  int server_ = -1;
  std::optional<Link> link_;
};

TEST_F(LinkTest, LearnsTheBackendAndPassesOn) {
  start_up();
  EXPECT_EQ(link_->backend(), 42);
  say(client_, kQuery);
  ASSERT_TRUE(move());
  EXPECT_EQ(hear(server_), kQuery);
  EXPECT_FALSE(link_->idle());
  say(server_, message('D', "1") + kReady);
  ASSERT_TRUE(move());
  EXPECT_EQ(hear(client_), message('D', "1") + kReady);
  EXPECT_TRUE(link_->idle());
}

TEST_F(LinkTest, WaitsForTheWholeOfAMessage) {
  start_up();
  say(client_, kQuery.substr(0, 3));
  ASSERT_TRUE(move());
  EXPECT_EQ(hear(server_), "");
  say(client_, kQuery.substr(3));
  ASSERT_TRUE(move());
  EXPECT_EQ(hear(server_), kQuery);
}

TEST_F(LinkTest, IsNotIdleBetweenParseAndSync) {
  start_up();
  say(client_, message('P', "x"));
  ASSERT_TRUE(move());
  EXPECT_FALSE(link_->idle());
  say(client_, message('S', ""));
  ASSERT_TRUE(move());
  say(server_, kReady);
  ASSERT_TRUE(move());
  EXPECT_TRUE(link_->idle());
}

TEST_F(LinkTest, KeepsTheAnswerAndLetsTheClientWait) {
  start_up();
  link_->inject("DISCARD ALL");
  say(client_, kQuery);
  ASSERT_TRUE(move());
  EXPECT_EQ(hear(server_), message('Q', std::string("DISCARD ALL") + '\0'));
  say(server_, message('C', "DISCARD ALL"));
  ASSERT_TRUE(move());
  EXPECT_TRUE(link_->injecting());
  EXPECT_EQ(hear(server_), "");
  say(server_, kReady);
  ASSERT_TRUE(move());
  EXPECT_FALSE(link_->injecting());
  EXPECT_FALSE(link_->gave_rows());
  EXPECT_EQ(hear(client_), "");
  EXPECT_EQ(hear(server_), kQuery);
}

TEST_F(LinkTest, TellsWhetherThereWereRows) {
  start_up();
  link_->inject("SELECT");
  ASSERT_TRUE(move());
  say(server_, message('D', "") + kReady);
  ASSERT_TRUE(move());
  EXPECT_TRUE(link_->gave_rows());
}

TEST_F(LinkTest, PassesOnTheLastWordsOfTheServer) {
  start_up();
  say(server_, message('E', "FATAL"));
  close(server_);
  server_ = -1;
  EXPECT_FALSE(move());
  EXPECT_EQ(hear(client_), message('E', "FATAL"));
}

TEST_F(LinkTest, EndsWithItsClient) {
  start_up();
  close(client_);
  client_ = -1;
  EXPECT_FALSE(move());
}

}  // namespace
}  // namespace harness
