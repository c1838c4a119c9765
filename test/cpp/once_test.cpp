// At most one successful run per slot, ever.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

TEST(once, a_slot_runs_once_on_all_nodes) {
  client one;
  client two;
  const auto name = unique_name();
  int runs = 0;
  EXPECT_EQ(*one.try_run_once(name, "monday", [&] { return ++runs; }), 1);
  for (client *locks : {&one, &two}) {
    const auto again = locks->try_run_once(name, "monday", [&] { ++runs; });
    EXPECT_EQ(again.outcome(), outcome::already_ran);
  }
  EXPECT_TRUE(two.try_run_once(name, "tuesday", [&] { ++runs; }));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(sql("SELECT string_agg(slot || ' ' || state, ',' ORDER BY slot) "
                "FROM lock_runs WHERE key = '" +
                name.key + "'"),
            "monday succeeded,tuesday succeeded");
}

TEST(once, five_threads_of_five_clients_race_with_a_short_task) {
  const auto name = unique_name();
  std::atomic<int> runs{0};
  std::vector<std::jthread> nodes;
  for (int i = 0; i < 5; ++i) {
    nodes.emplace_back([&] {
      client locks;
      for (int n = 0; n < 5; ++n) {
        (void)locks.try_run_once(name, "today", [&] { ++runs; });
      }
    });
  }
  nodes.clear();
  EXPECT_EQ(runs, 1);
}

TEST(once, taken_is_not_already_ran) {
  client one;
  client two;
  const auto name = unique_name();
  const auto run = one.try_run_once(name, "slot", [&] {
    const auto other = two.try_run_once(name, "slot", [] {});
    EXPECT_EQ(other.outcome(), outcome::busy);
    EXPECT_TRUE(other.refused_by());
  });
  EXPECT_TRUE(run);
}

TEST(once, a_failed_run_may_run_again) {
  client locks;
  const auto name = unique_name();
  EXPECT_THROW((void)locks.try_run_once(name, "slot",
                                        [] { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(holders(name), 0);
  EXPECT_TRUE(locks.try_run_once(name, "slot", [] {}));
}

TEST(once, a_crash_is_retried_or_skipped_as_asked) {
  client one;
  client two;
  for (const bool retry : {true, false}) {
    const auto name = unique_name();
    EXPECT_THROW((void)one.try_run_once(name, "slot",
                                        [](hold &h) {
                                          terminate(h.backend_pid());
                                          while (h.held()) {
                                            std::this_thread::sleep_for(1ms);
                                          }
                                        }),
                 lock_lost);
    const auto policy =
        retry ? pg_exclusive::on_crash::retry : pg_exclusive::on_crash::skip;
    EXPECT_EQ(bool(two.try_run_once(name, "slot", {.on_crash = policy}, [] {})),
              retry);
  }
}

TEST(once, a_period_has_one_run) {
  client locks;
  const auto name = unique_name();
  const pg_exclusive::once_options hourly{.every = 3600s};
  EXPECT_TRUE(locks.try_run_once(name, "1", hourly, [] {}));
  EXPECT_FALSE(locks.try_run_once(name, "2", hourly, [] {}));
}

TEST(once, a_period_counts_half_or_all_of_it) {
  client locks;
  const auto name = unique_name();
  const auto ran = [&](bool exact) {
    return bool(locks.try_run_every(name, 4h, {.exact = exact}, [] {}));
  };
  const auto started = [&](const std::string &ago) {
    sql("UPDATE exclusive_internal.run_record SET started_at = "
        "clock_timestamp() - interval '" +
        ago +
        "', finished_at = "
        "clock_timestamp() - interval '" +
        ago + "' WHERE key = '" + name.key + "'");
  };
  EXPECT_TRUE(locks.try_run_every(name, 4h, [] {}));
  EXPECT_FALSE(locks.try_run_every(name, 4h, [] {}));
  started("1 hour 59 minutes");
  EXPECT_FALSE(ran(false));
  EXPECT_FALSE(ran(true));
  started("2 hours 1 minute");
  EXPECT_FALSE(ran(true));
  EXPECT_TRUE(ran(false));
  started("3 hours 59 minutes");
  EXPECT_FALSE(ran(true));
  started("4 hours 1 minute");
  EXPECT_TRUE(ran(true));
}

}  // namespace
