// What a task returns comes back as it is, whatever it is.
#include <memory>

#include "support.hpp"

namespace {

using support::client;
using support::unique_name;

class result : public testing::Test {
 protected:
  client locks;
  support::lock_name name = unique_name();
};

TEST_F(result, of_void) {
  bool ran = false;
  const auto run = locks.try_run_exclusive(name, [&] { ran = true; });
  EXPECT_TRUE(run && ran);
  run.value();
}

TEST_F(result, of_a_value_and_false_is_not_refused) {
  const auto run = locks.try_run_exclusive(name, [] { return false; });
  ASSERT_TRUE(run);
  EXPECT_FALSE(*run);
}

TEST_F(result, of_a_reference) {
  int target = 1;
  auto run = locks.try_run_exclusive(name, [&]() -> int & { return target; });
  static_assert(std::is_same_v<decltype(run.value()), int &>);
  run.value() = 2;
  EXPECT_EQ(target, 2);
}

TEST_F(result, of_what_can_only_be_moved) {
  auto run =
      locks.try_run_exclusive(name, [] { return std::make_unique<int>(7); });
  const std::unique_ptr<int> out = *std::move(run);
  EXPECT_EQ(*out, 7);
}

TEST_F(result, of_a_refusal_names_the_holder_and_has_no_value) {
  const auto held = client().try_lock(name);
  auto run = locks.try_run_exclusive(name, [] { return 1; });
  ASSERT_FALSE(run);
  EXPECT_EQ(run.outcome(), pg_exclusive::outcome::busy);
  ASSERT_TRUE(run.refused_by());
  EXPECT_EQ(run.refused_by()->pid, (*held).backend_pid());
  EXPECT_EQ(run.refused_by()->role, "postgres");
  EXPECT_TRUE(run.refused_by()->acquired_at);
  EXPECT_FALSE(run.refused_by()->this_client);
  EXPECT_EQ(support::sqlstate_of([&] { (void)run.value(); }), "55P03");
}

TEST_F(result, exceptions_pass_through_and_free_the_lock) {
  EXPECT_THROW((void)locks.try_run_exclusive(
                   name, [] { throw std::out_of_range("mine"); }),
               std::out_of_range);
  EXPECT_EQ(support::holders(name), 0);
}

}  // namespace
