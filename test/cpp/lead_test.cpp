// One leader at a time, and another one after it.
#include "support.hpp"

namespace {

using namespace support;  // NOLINT

TEST(lead, returns_when_the_term_is_served) {
  client locks;
  const auto name = unique_name();
  EXPECT_TRUE(locks.lead(name, [&](hold &h) { EXPECT_TRUE(h.held()); }));
  EXPECT_EQ(holders(name), 0);
}

TEST(lead, campaigns_again_after_loss_and_never_leads_twice_at_once) {
  client locks{"", short_lease()};
  const auto name = unique_name();
  std::atomic<int> leading{0};
  std::atomic<int> terms{0};
  EXPECT_TRUE(locks.lead(name, [&](hold &h) {
    EXPECT_EQ(++leading, 1);
    if (++terms < 3) {
      terminate(h.backend_pid());
      EXPECT_TRUE(eventually([&] { return h.lost().stop_requested(); }, 5s));
    }
    --leading;
    h.check();
  }));
  EXPECT_EQ(terms, 3);
}

// One term that is lost, and one that is served.  Returns what was written to
// std::cerr.
std::string lose_a_term(client &locks, const lock_name &name) {
  testing::internal::CaptureStderr();
  int terms = 0;
  EXPECT_TRUE(locks.lead(name, [&](hold &h) {
    if (++terms > 1) return;
    terminate(h.backend_pid());
    EXPECT_TRUE(eventually([&] { return h.lost().stop_requested(); }, 5s));
  }));
  return testing::internal::GetCapturedStderr();
}

TEST(lead, reports_a_loss_on_stderr) {
  client locks{"", short_lease()};
  const auto name = unique_name();
  const auto told = lose_a_term(locks, name);
  EXPECT_NE(told.find(name.to_string()), std::string::npos) << told;
  EXPECT_NE(told.find("campaigning again"), std::string::npos) << told;
}

TEST(lead, reports_a_loss_to_the_event_hook_alone) {
  std::atomic<int> losses{0};
  auto options = short_lease();
  options.on_event = [&](const pg_exclusive::event &e) {
    if (e.kind == pg_exclusive::event_kind::lost) ++losses;
  };
  client locks{"", options};
  EXPECT_EQ(lose_a_term(locks, unique_name()), "");
  EXPECT_TRUE(eventually([&] { return losses == 1; }));
}

TEST(lead, follows_while_another_leads_and_takes_over) {
  client one;
  client two;
  const auto name = unique_name();
  std::stop_source end_of_first;
  std::stop_source stop;
  std::atomic<int> leading{0};
  const auto serve = [&](const std::stop_token &end) {
    return [&leading, end](hold & /*held*/) {
      EXPECT_EQ(++leading, 1);
      while (!end.stop_requested()) std::this_thread::sleep_for(1ms);
      --leading;
    };
  };
  std::jthread first(
      [&] { EXPECT_TRUE(one.lead(name, serve(end_of_first.get_token()))); });
  ASSERT_TRUE(eventually([&] { return leading == 1; }));
  std::jthread second(
      [&] { EXPECT_TRUE(two.lead(name, serve(stop.get_token()))); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  end_of_first.request_stop();
  first.join();
  ASSERT_TRUE(eventually([&] { return leading == 1; }));
  std::stop_source give_up;
  std::jthread third(
      [&] { EXPECT_FALSE(one.lead(name, serve({}), give_up.get_token())); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  give_up.request_stop();
  third.join();
  stop.request_stop();
}

// Campaigns until `open` is called, which makes it succeed.
void waits_out(const std::function<void()> &open) {
  client locks;
  std::jthread candidate([&] {
    EXPECT_TRUE(locks.lead({"led", "x"}, [](hold &) {}));
  });
  EXPECT_TRUE(eventually([&] { return locks.stats().calls >= 2; }));
  EXPECT_EQ(locks.stats().grants, 0);
  open();
  candidate.join();
  EXPECT_EQ(locks.stats().grants, 1);
}

TEST(lead, waits_out_a_pause_and_a_full_quota) {
  sql("SELECT lock_namespace('led', max_holds => 1)");
  sql("SELECT pause_lock_namespace('led', 'a test')");
  waits_out([] { sql("SELECT resume_lock_namespace('led')"); });
  client other;
  hold only = *other.try_lock({"led", "only"});
  waits_out([&] { only.unlock(); });
  sql("SELECT drop_lock_namespace('led')");
}

TEST(lead, waits_again_when_its_wait_is_cancelled) {
  client locks;
  client other;
  const auto name = unique_name();
  hold held = *other.try_lock(name);
  std::atomic<int> terms{0};
  std::jthread candidate(
      [&] { EXPECT_TRUE(locks.lead(name, [&](hold &) { ++terms; })); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  sql("SELECT pg_cancel_backend(pid) FROM lock_waiters WHERE key = '" +
      name.key + "' AND namespace = '" + name.namespace_ + "'");
  EXPECT_TRUE(eventually(
      [&] { return locks.stats().waits == 2 && waiters(name) == 1; }));
  EXPECT_EQ(terms, 0);
  held.unlock();
  candidate.join();
  EXPECT_EQ(terms, 1);
}

TEST(lead, passes_on_what_can_never_work) {
  client locks;
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.lead({"no-such", "x"}, [](hold &) {});
            }),
            "42704");
  EXPECT_THROW((void)locks.lead(unique_name(), [](hold &) { throw 1; }), int);
}

}  // namespace
