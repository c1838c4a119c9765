// How many round trips each operation takes.  They are counted by the proxy, so
// the numbers are exact and do not depend on how fast the machine is.
#include <libpq-fe.h>

#include <barrier>
#include <thread>
#include <vector>

#include "pg_exclusive/pg_exclusive.hpp"
#include "proxy.hpp"
#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using pg_exclusive::hold;
using pg_exclusive::lock_name;
using support::client;
using support::unique_name;

class trips : public testing::Test {
 protected:
  trips() { far.delay(3ms, 3ms); }

  [[nodiscard]] std::string conninfo() const {
    return far.conninfo() + " sslmode=disable gssencmode=disable";
  }

  // The round trips that `f` takes.
  template <class F>
  int of(F &&f) {
    await_silence();
    far.reset_trips();
    f();
    return far.trips();
  }

  // An answer that nobody waits for belongs to what was before.
  void await_silence() {
    for (std::uint64_t before = 0, now = passed();;) {
      before = now;
      std::this_thread::sleep_for(20ms);
      now = passed();
      if (now == before) return;
    }
  }

  [[nodiscard]] std::uint64_t passed() const {
    return far.passed(test_proxy::direction::to_server) +
           far.passed(test_proxy::direction::to_client);
  }

  int of_connecting_with_libpq() {
    return of([&] {
      PGconn *connection = PQconnectdb(conninfo().c_str());
      EXPECT_EQ(PQstatus(connection), CONNECTION_OK);
      PQfinish(connection);
    });
  }

  // Many locks, in no order.
  static std::vector<lock_name> names(int count) {
    std::vector<lock_name> all;
    for (int i = 0; i < count; ++i) all.push_back(unique_name());
    return all;
  }

  test_proxy::proxy far;
};

TEST_F(trips, to_the_first_grant) {
  const int libpq = of_connecting_with_libpq();
  const int all = of([&] {
    client locks(conninfo());
    EXPECT_TRUE(locks.try_lock(unique_name()));
  });
  EXPECT_EQ(all - libpq, 4);  // the last is the release
}

TEST_F(trips, of_single_locks) {
  client locks(conninfo());
  const auto name = unique_name();
  EXPECT_EQ(of([&] { (void)locks.try_lock(name).value().unlock(); }), 2);
  EXPECT_EQ(of([&] { (void)locks.lock(name).value().unlock(); }), 2);
  client other;
  auto held = other.try_lock(name);
  EXPECT_EQ(of([&] { EXPECT_FALSE(locks.try_lock(name)); }), 1);
}

TEST_F(trips, of_going_from_lock_to_lock) {
  client locks(conninfo());
  auto held = locks.try_lock(unique_name());
  EXPECT_EQ(
      of([&] { held = locks.try_lock_next(*std::move(held), unique_name()); }),
      1);
}

// The releases are many messages.  They have to be sent before the answer to
// the first arrives, so the server is far.
TEST_F(trips, of_many_locks_at_once) {
  far.delay(100ms, 100ms);
  client locks(conninfo());
  for (const int count : {1, 3, 40, 200}) {
    EXPECT_EQ(of([&] { EXPECT_TRUE(locks.lock_all(names(count))); }), 2)
        << count;
  }
}

TEST_F(trips, of_many_locks_of_which_one_is_busy) {
  client other;
  client locks(conninfo());
  const auto wanted = names(5);
  const auto held = other.try_lock(wanted[2]);
  // All at once, what came after the refusal is given back, the busy one again
  // to learn who has it, and the release of the others.
  EXPECT_LE(of([&] { EXPECT_FALSE(locks.lock_all(wanted, {.wait = 0ms})); }),
            4);
  for (const auto &name : wanted) {
    if (name == wanted[2]) continue;
    EXPECT_TRUE(other.try_lock(name)) << "left behind";
  }
}

TEST_F(trips, of_a_run_per_slot) {
  client locks(conninfo());
  const auto name = unique_name();
  const auto run = [&] { return locks.try_run_once(name, "slot", [] {}); };
  EXPECT_EQ(of([&] { EXPECT_TRUE(run()); }), 2);
  EXPECT_EQ(of([&] {
              EXPECT_EQ(run().outcome(), pg_exclusive::outcome::already_ran);
            }),
            2);
  client other;
  const auto held = other.try_lock(name);
  EXPECT_EQ(
      of([&] { EXPECT_EQ(run().outcome(), pg_exclusive::outcome::busy); }), 1);
}

TEST_F(trips, of_a_transaction) {
  const int libpq = of_connecting_with_libpq();
  client locks(conninfo());
  const auto run = [&] {
    EXPECT_TRUE(
        locks.try_run_in_transaction(unique_name(), [](pqxx::work &) {}));
  };
  EXPECT_EQ(of(run) - libpq, 3);
  EXPECT_EQ(of(run), 3);
}

// Each thread's call is sent when it is asked for, so all of them together take
// as long as one.  A thread that the machine delays for longer than a round
// trip costs one more, so there are a few attempts.
TEST_F(trips, of_many_threads_are_those_of_one) {
  constexpr int threads = 16;
  constexpr int rounds = 3;
  far.delay(100ms, 100ms);
  client locks(conninfo());
  int taken = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {
    taken = of([&] {
      std::barrier together(threads);
      std::vector<std::jthread> all;
      for (int i = 0; i < threads; ++i) {
        all.emplace_back([&] {
          const auto name = unique_name();
          for (int round = 0; round < rounds; ++round) {
            together.arrive_and_wait();
            auto held = locks.try_lock(name);
            together.arrive_and_wait();
            held.value().unlock();
          }
        });
      }
    });
    if (taken == 2 * rounds) break;
  }
  EXPECT_EQ(taken, 2 * rounds);
}

}  // namespace
