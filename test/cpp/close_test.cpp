// close(deadline) and the end of a client come back in time, whatever the
// server does.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::lock_mode;
using std::chrono::steady_clock;

// What a busy machine may add.
constexpr auto slack = 5s;

class close_test : public testing::Test {
 protected:
  // Closes, and looks at the clock.
  void close_within(std::chrono::milliseconds deadline, bool confirmed) {
    const auto began = steady_clock::now();
    EXPECT_EQ(locks.close(deadline), confirmed);
    EXPECT_LT(steady_clock::now() - began,
              std::min(deadline, 60'000ms) + slack);
    EXPECT_TRUE(confirmed || steady_clock::now() - began >= deadline);
  }

  client locks{"", {.lease = 600s}};
  const lock_name name = unique_name("close");
};

TEST_F(close_test, gives_back_what_is_held_and_ends_what_waits) {
  client other;
  const auto taken = unique_name("close");
  const auto obstacle = other.try_lock(taken);
  const hold held = *locks.try_lock(name);
  std::jthread waiter([&] {
    EXPECT_EQ(sqlstate_of([&] { (void)locks.lock(taken); }), "08003");
  });
  ASSERT_TRUE(eventually([&] { return waiters(taken) == 1; }));
  close_within(60s, true);
  // No later than that: it has been confirmed.
  EXPECT_EQ(holders(name) + waiters(taken), 0);
  EXPECT_EQ(held.loss()->reason, pg_exclusive::loss_reason::client_closed);
  EXPECT_TRUE(locks.close());  // again
}

TEST_F(close_test, gives_back_what_is_shared_once) {
  const hold one = *locks.try_lock(name, {.mode = lock_mode::shared});
  const hold two = *locks.try_lock(name, {.mode = lock_mode::shared});
  EXPECT_EQ(one.token(), two.token());
  close_within(std::chrono::milliseconds::max(), true);
}

TEST_F(close_test, cuts_off_a_frozen_session) {
  hold held = *locks.try_lock(name);
  frozen backend(held.backend_pid());
  close_within(300ms, false);
  EXPECT_FALSE(held.held());
  EXPECT_EQ(held.loss()->reason, pg_exclusive::loss_reason::client_closed);
  EXPECT_THROW(held.unlock(), lock_lost);
  backend.go_on();  // and finds that nobody is there
  EXPECT_TRUE(eventually([&] { return holders(name) == 0; }));
}

TEST_F(close_test, cuts_off_calls_that_a_frozen_session_does_not_answer) {
  const hold held = *locks.try_lock(name);
  const frozen backend(held.backend_pid());
  std::vector<std::jthread> threads;
  std::atomic<int> asking{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ++asking;
      const auto state =
          sqlstate_of([&] { (void)locks.try_lock(unique_name("close")); });
      EXPECT_TRUE(state == "08006" || state == "08003") << state;
    });
  }
  ASSERT_TRUE(eventually([&] { return asking == 4; }));
  close_within(300ms, false);
  const auto closed = steady_clock::now();
  threads.clear();
  EXPECT_LT(steady_clock::now() - closed, slack);
}

TEST_F(close_test, cuts_off_a_frozen_wait) {
  client other;
  const auto obstacle = other.try_lock(name);
  std::jthread waiter([&] {
    EXPECT_EQ(sqlstate_of([&] { (void)locks.lock(name); }), "08003");
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  frozen backend(std::stoi(
      sql("SELECT pid FROM lock_waiters WHERE key = '" + name.key + "'")));
  close_within(300ms, false);
  const auto closed = steady_clock::now();
  waiter.join();
  EXPECT_LT(steady_clock::now() - closed, slack);
  backend.go_on();
  EXPECT_TRUE(eventually([&] { return waiters(name) == 0; }));
}

// Nobody hears the cancel of a wait either.
TEST_F(close_test, cuts_off_when_the_whole_server_is_frozen) {
  client other;
  const auto obstacle = other.try_lock(name);
  const hold held = *locks.try_lock(unique_name("close"));
  std::stop_source stop;
  std::jthread stopped([&] {
    EXPECT_EQ(sqlstate_of(
                  [&] { (void)locks.lock(name, {.stop = stop.get_token()}); }),
              "08003");
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  const int waiting = std::stoi(
      sql("SELECT pid FROM lock_waiters WHERE key = '" + name.key + "'"));
  {
    const frozen server(postmaster());
    const frozen one(waiting);
    const frozen two(held.backend_pid());
    stop.request_stop();
    close_within(300ms, false);
    const auto closed = steady_clock::now();
    stopped.join();
    EXPECT_LT(steady_clock::now() - closed, slack);
  }
  EXPECT_TRUE(eventually([&] { return waiters(name) == 0; }));
}

TEST_F(close_test, of_a_client_whose_server_ended_the_sessions) {
  const hold held = *locks.try_lock(name);
  terminate(held.backend_pid());
  ASSERT_TRUE(eventually([&] { return !held.held(); }));
  const auto began = steady_clock::now();
  EXPECT_TRUE(locks.close(60s));
  EXPECT_LT(steady_clock::now() - began, slack);
  EXPECT_EQ(held.loss()->reason, pg_exclusive::loss_reason::connection_closed);
}

// A stop is heard within lease / 3, also when the server is deaf.
TEST(stop, is_heard_when_the_server_is_frozen) {
  client other;
  const auto name = unique_name("stop");
  const auto obstacle = other.try_lock(name);
  client locks{"", {.lease = 3s}};
  std::stop_source stop;
  std::jthread waiter([&] {
    EXPECT_EQ(locks.lock(name, {.stop = stop.get_token()}).outcome(),
              outcome::stopped);
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  const frozen server(postmaster());
  const auto asked = steady_clock::now();
  stop.request_stop();
  waiter.join();
  EXPECT_LT(steady_clock::now() - asked, 1s + slack);
}

}  // namespace
