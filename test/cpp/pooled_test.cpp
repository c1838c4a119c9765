// Locks as leases: behind PgBouncer in transaction mode, with a pool of two
// connections, and on direct connections.
#include <csignal>

#include "bouncer.hpp"
#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using pg_exclusive::boot_clock;
using pg_exclusive::hold_kind;
using pg_exclusive::pooler_policy;

constexpr auto lease = 1500ms;

class pooled : public testing::Test {
 protected:
  pooled() {
    sql("SELECT lock_namespace('leased', max_lease => '1 min')");
    name.namespace_ = "leased";
  }
  [[nodiscard]] client connect() const {
    return client{pool.conninfo,
                  {.lease = lease, .pooler = pooler_policy::transaction}};
  }
  [[nodiscard]] std::string expires() const {
    return sql(
        "SELECT expires_at FROM lock_holders WHERE scope = 'lease' "
        "AND key = '" +
        name.key + "'");
  }

  bouncer pool{"transaction", 2};
  lock_name name = unique_name("pooled");
};

TEST_F(pooled, holds_renews_and_releases) {
  client locks = connect();
  client direct;
  hold held = *locks.try_lock(name);
  EXPECT_TRUE(held.token());
  EXPECT_EQ(held.backend_pid(), 0);
  EXPECT_EQ(held.native_handle(), -1);
  EXPECT_FALSE(direct.try_lock(name));
  const auto busy = connect().try_lock(name);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.outcome(), outcome::busy);
  EXPECT_EQ(busy.refused_by().value().role, "postgres");
  const auto first = expires();
  EXPECT_TRUE(eventually([&] { return expires() > first; })) << "no renewal";
  std::this_thread::sleep_for(2 * lease);
  EXPECT_TRUE(held.held());
  held.unlock();
  EXPECT_EQ(expires(), "");
  const auto token = direct.try_run_exclusive(
      name, [](const hold &h) { return h.token().value(); });
  EXPECT_TRUE(token);
  EXPECT_EQ(locks.stats().losses, 0U);
  EXPECT_EQ(locks.stats().sessions, 1);
}

TEST_F(pooled, tasks_mutexes_waits_and_runs) {
  client locks = connect();
  client other = connect();
  EXPECT_TRUE(locks.try_run_exclusive(name, [](hold &h) { h.check(); }));
  pg_exclusive::mutex mutex{locks, name};
  std::atomic<int> inside{0};
  std::atomic<int> ran{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 5; ++round) {
          const std::unique_lock guard{mutex};
          EXPECT_EQ(++inside, 1);
          ++ran;
          --inside;
        }
      });
      threads.emplace_back([&] {
        for (int round = 0; round < 5; ++round) {
          EXPECT_TRUE(other.run_exclusive(name, {.wait = patience}, [&] {
            EXPECT_EQ(++inside, 1);
            ++ran;
            --inside;
          }));
        }
      });
    }
  }
  EXPECT_EQ(ran, 40);
  EXPECT_TRUE(locks.try_run_once(name, "monday", [] {}));
  EXPECT_EQ(other.try_run_once(name, "monday", [] {}).outcome(),
            outcome::already_ran);
  hold next = *locks.try_lock_next(*locks.try_lock(name), name);
  EXPECT_TRUE(next.held());
  EXPECT_EQ(other.lock(name, {.wait = 300ms}).outcome(), outcome::timed_out);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(other.lock(name, {.stop = stop.get_token()}).outcome(),
            outcome::stopped);
  next.unlock();
  const lock_name second{name.namespace_, name.key + "2"};
  EXPECT_EQ(locks.lock_all({second, name})->size(), 2U);
  EXPECT_TRUE(locks.lead(name, [](hold &) {}));
}

TEST_F(pooled, says_what_it_cannot_do) {
  client locks = connect();
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_lock(name,
                                   {.mode = pg_exclusive::lock_mode::shared});
            }),
            "0A000");
  pg_exclusive::semaphore permits{locks, name, 2};
  EXPECT_EQ(sqlstate_of([&] { (void)permits.try_acquire(); }), "0A000");
  lock_name without = unique_name("pooled");
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_lock(without); }), "55000");
  EXPECT_EQ(sqlstate_of([&] {
              (void)client{pool.conninfo,
                           {.lease = 61s, .hold_as = hold_kind::lease}}
                  .try_lock(name);
            }),
            "22023");
}

TEST_F(pooled, leaves_nothing_to_other_clients_of_the_pool) {
  {
    client locks = connect();
    hold held = *locks.try_lock(name);
    std::this_thread::sleep_for(lease);
    EXPECT_TRUE(locks.close());
    EXPECT_FALSE(held.held());
  }
  EXPECT_EQ(expires(), "");
  for (int backend = 0; backend < 4; ++backend) {
    EXPECT_EQ(sql("SHOW statement_timeout", pool.conninfo), "0");
    EXPECT_EQ(sql("SHOW idle_session_timeout", pool.conninfo), "0");
    EXPECT_EQ(sql("SELECT count(*) FROM pg_prepared_statements", pool.conninfo),
              "0");
  }
}

TEST_F(pooled, survives_a_restart_of_the_pooler) {
  client locks = connect();
  hold held = *locks.try_lock(name);
  for (int round = 0; round < 3; ++round) {
    const auto connects = locks.stats().connects;
    pool.stop();
    ASSERT_TRUE(pool.start());
    EXPECT_TRUE(eventually([&] { return locks.stats().connects > connects; }));
    EXPECT_TRUE(held.held());
    const auto before = expires();
    EXPECT_TRUE(eventually([&] { return expires() > before; }));
  }
  held.check();
  held.unlock();
  EXPECT_EQ(expires(), "");
}

TEST_F(pooled, ends_with_the_lease_when_the_pooler_stays_away) {
  client locks = connect();
  hold held = *locks.try_lock(name);
  std::stop_token lost = held.lost();
  client direct;
  boot_clock::time_point granted;
  std::jthread next([&] {
    EXPECT_TRUE(direct.run_exclusive(name, {.wait = patience},
                                     [&] { granted = boot_clock::now(); }));
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  pool.stop();
  boot_clock::time_point believed;
  for (auto now = boot_clock::now(); held.held(); now = boot_clock::now()) {
    believed = now;
  }
  next.join();
  EXPECT_LT(believed, granted);
  EXPECT_TRUE(eventually([&] { return lost.stop_requested(); }));
  EXPECT_EQ(held.loss().value().reason,
            pg_exclusive::loss_reason::lease_expired);
  EXPECT_EQ(sqlstate_of([&] { held.unlock(); }), "57P05");
  ASSERT_TRUE(pool.start());
  EXPECT_TRUE(locks.run_exclusive(name, {.wait = patience}, [] {}));
}

TEST_F(pooled, notices_a_pooler_that_is_silent) {
  client locks = connect();
  hold held = *locks.try_lock(name);
  pool.signal(SIGSTOP);
  std::this_thread::sleep_for(lease / 2);
  EXPECT_TRUE(held.held());
  pool.signal(SIGCONT);
  std::this_thread::sleep_for(lease);
  EXPECT_TRUE(held.held());
  pool.signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return !held.held(); }));
  pool.signal(SIGCONT);
}

TEST_F(pooled, a_frozen_client_never_believes_beside_the_next) {
  for (int round = 0; round < 3; ++round) {
    const diaries notes(1);
    child frozen([&] {
      client locks = connect();
      hold held = *locks.lock(name, {.wait = patience});
      notes[0].watch(held);
      return held.loss() ? 0 : 1;
    });
    ASSERT_TRUE(eventually([&] { return notes[0].holding.load(); }));
    frozen.signal(SIGSTOP);
    client next = connect();
    hold taken = *next.lock(name, {.wait = patience});
    const auto granted = boot_clock::now();
    frozen.signal(SIGCONT);
    EXPECT_EQ(frozen.wait(), 0);
    EXPECT_LT(notes[0].last_held, granted.time_since_epoch().count());
    EXPECT_TRUE(taken.held());
  }
}

TEST_F(pooled, a_broken_or_handed_over_lease_is_lost_at_the_next_renewal) {
  client locks = connect();
  std::optional<hold> broken = *locks.try_lock(name);
  EXPECT_EQ(sql("SELECT break_lock('leased', '" + name.key + "', 'test')"),
            "1");
  EXPECT_TRUE(eventually([&] { return !broken->held(); }));
  EXPECT_EQ(broken->loss().value().reason,
            pg_exclusive::loss_reason::lock_gone);
  broken.reset();
  hold handed = *locks.lock(name, {.wait = patience});
  EXPECT_GT(std::stoll(sql("SELECT hand_over_lease('leased', '" + name.key +
                           "', " + std::to_string(*handed.token()) + ")")),
            *handed.token());
  EXPECT_TRUE(eventually([&] { return !handed.held(); }));
}

TEST_F(pooled, a_request_to_yield_is_told) {
  std::atomic<int> events{0};
  const auto count = [&](const pg_exclusive::event &what) {
    if (what.kind == pg_exclusive::event_kind::yield_requested) ++events;
  };
  for (const auto kind : {hold_kind::lease, hold_kind::session}) {
    events = 0;
    client locks{"", {.lease = lease, .hold_as = kind, .on_event = count}};
    hold held = *locks.lock(name, {.wait = patience});
    const std::stop_token asked = held.yield_requested();
    EXPECT_FALSE(asked.stop_requested());
    EXPECT_EQ(
        sql("SELECT request_lock('leased', '" + name.key + "', 'deploy')"),
        "t");
    EXPECT_TRUE(eventually([&] { return asked.stop_requested(); }));
    EXPECT_TRUE(held.yield_requested().stop_requested());
    EXPECT_TRUE(held.held()) << "nothing is enforced";
    std::this_thread::sleep_for(lease);
    EXPECT_EQ(events, 1);
    held.unlock();
    EXPECT_FALSE(locks.lock(name, {.wait = patience})
                     ->yield_requested()
                     .stop_requested());
  }
}

TEST_F(pooled, many_leases_are_renewed_in_one_round_trip) {
  client locks{"", {.lease = lease, .hold_as = hold_kind::lease}};
  std::vector<hold> holds;
  for (int i = 0; i < 300; ++i) {
    holds.push_back(
        *locks.try_lock({name.namespace_, name.key + std::to_string(i)}));
  }
  const auto from = locks.stats();
  std::this_thread::sleep_for(2 * lease);
  const auto to = locks.stats();
  EXPECT_LE(to.heartbeats - from.heartbeats, 12U);
  for (const auto &held : holds) EXPECT_TRUE(held.held());
}

}  // namespace
