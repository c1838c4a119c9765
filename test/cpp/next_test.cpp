// From lock to lock: what is left is free, whatever comes of the next one.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

bool is_free(const lock_name &name) { return holders(name) == 0; }

TEST(next, releases_one_and_takes_another_in_one_round_trip) {
  client locks;
  hold first = *locks.try_lock(unique_name());
  const auto name = first.name();
  const auto token = first.token();
  const auto before = locks.stats();
  const hold second = *locks.try_lock_next(std::move(first), unique_name());
  const auto after = locks.stats();
  EXPECT_EQ(after.round_trips, before.round_trips + 1);
  EXPECT_EQ(after.holds, 1U);
  EXPECT_TRUE(second.held());
  EXPECT_GT(second.token(), token);
  EXPECT_TRUE(is_free(name));
  EXPECT_EQ(holders(second.name()), 1);
  EXPECT_TRUE(client().try_lock(name));
}

TEST(next, is_told_who_has_the_other_and_keeps_nothing) {
  client locks;
  client other;
  const hold theirs = *other.try_lock(unique_name());
  const auto name = unique_name();
  const auto refused =
      locks.try_lock_next(*locks.try_lock(name), theirs.name());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refused_by()->pid, theirs.backend_pid());
  EXPECT_TRUE(is_free(name));
  EXPECT_EQ(locks.stats().holds, 0U);
}

TEST(next, is_refused_by_a_thread_of_the_same_client_too) {
  client locks;
  const hold mine = *locks.try_lock(unique_name());
  const auto name = unique_name();
  const auto refused = locks.try_lock_next(*locks.try_lock(name), mine.name());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.refused_by()->this_client);
  EXPECT_TRUE(is_free(name));
}

TEST(next, may_be_the_same_lock_with_a_new_token) {
  client locks;
  hold first = *locks.try_lock(unique_name());
  const auto name = first.name();
  const auto token = first.token();
  const hold again = *locks.try_lock_next(std::move(first), name);
  EXPECT_TRUE(again.held());
  EXPECT_GT(again.token(), token);
}

TEST(next, leaves_a_shared_grant_to_those_who_have_it) {
  client locks;
  const pg_exclusive::try_options shared{.mode =
                                             pg_exclusive::lock_mode::shared};
  const hold stays = *locks.try_lock(unique_name(), shared);
  hold goes = *locks.try_lock(stays.name(), shared);
  const hold next =
      *locks.try_lock_next(std::move(goes), unique_name(), shared);
  EXPECT_TRUE(stays.held());
  EXPECT_EQ(holders(stays.name()), 1);
  EXPECT_EQ(holders(next.name()), 1);
}

TEST(next, goes_from_one_client_to_another) {
  client one;
  client two;
  const auto name = unique_name();
  const hold next = *two.try_lock_next(*one.try_lock(name), unique_name());
  EXPECT_TRUE(next.held());
  EXPECT_TRUE(is_free(name));
}

TEST(next, that_fails_has_released_all_the_same) {
  client locks;
  const auto name = unique_name();
  EXPECT_EQ(
      sqlstate_of([&] {
        (void)locks.try_lock_next(*locks.try_lock(name), {"no such", "name"});
      }),
      "42704");
  EXPECT_TRUE(is_free(name));
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_lock_next(*locks.try_lock(name), {"default", ""});
            }),
            "42602");
  EXPECT_TRUE(is_free(name));
  EXPECT_EQ(locks.stats().holds, 0U);
}

TEST(next, after_a_release_is_an_error) {
  client locks;
  hold gone = *locks.try_lock(unique_name());
  gone.unlock();
  const auto name = unique_name();
  EXPECT_EQ(
      sqlstate_of([&] { (void)locks.try_lock_next(std::move(gone), name); }),
      "55000");
  EXPECT_TRUE(is_free(name));
}

// Nobody has noticed: it is the server's answer that tells.
TEST(next, takes_nothing_when_the_one_before_was_lost) {
  client locks{"", {.lease = 600s}};
  hold held = *locks.try_lock(unique_name());
  inject(held, "SELECT pg_advisory_unlock_all()");
  const auto name = unique_name();
  EXPECT_THROW((void)locks.try_lock_next(std::move(held), name), lock_lost);
  EXPECT_TRUE(is_free(name));
  EXPECT_EQ(locks.stats().holds, 0U);
}

TEST(next, takes_nothing_when_the_session_before_died) {
  client locks;
  hold held = *locks.try_lock(unique_name());
  terminate(held.backend_pid());
  EXPECT_TRUE(eventually([&] { return !held.held(); }));
  const auto name = unique_name();
  EXPECT_THROW((void)locks.try_lock_next(std::move(held), name), lock_lost);
  EXPECT_TRUE(is_free(name));
}

// The server ends the session on which both travel.
TEST(next, on_a_session_that_breaks_meanwhile_is_a_loss) {
  client locks{"", {.lease = 600s}};
  hold held = *locks.try_lock(unique_name());
  inject(held, "SET idle_session_timeout = 1");
  EXPECT_TRUE(eventually([&] { return holders(held.name()) == 0; }));
  const auto name = unique_name();
  EXPECT_THROW((void)locks.try_lock_next(std::move(held), name), lock_lost);
  EXPECT_TRUE(is_free(name));
}

TEST(next, of_a_closed_client_is_an_error_and_keeps_nothing) {
  client locks;
  client other;
  hold held = *other.try_lock(unique_name());
  locks.close();
  const auto name = held.name();
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_lock_next(std::move(held), unique_name());
            }),
            "08003");
  EXPECT_TRUE(is_free(name));
}

// Pairs of calls among many: some are cut in two by a full message.
TEST(next, of_many_threads_is_each_thread_s_own) {
  constexpr int rounds = 200;
  client locks;
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 100; ++i) {
      threads.emplace_back([&] {
        const std::array names{unique_name(), unique_name()};
        hold held = *locks.try_lock(names[0]);
        for (int round = 1; round <= rounds; ++round) {
          const auto token = held.token();
          const auto &name = names[static_cast<std::size_t>(round % 2)];
          auto next = locks.try_lock_next(std::move(held), name);
          if (!next || !next->held() || next->name() != name ||
              next->token() <= token) {
            ++wrong;
            return;
          }
          held = *std::move(next);
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(locks.stats().grants, 100U * (rounds + 1));
  EXPECT_EQ(locks.stats().holds, 0U);
  EXPECT_EQ(sql("SELECT count(*) FROM lock_holders WHERE key LIKE 'test%'"),
            "0");
}

}  // namespace
