// The bench's own arithmetic.
#include "contest.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "report.hpp"

namespace bench {
namespace {

// A block that finds one value after the other; the first is the warm-up.
std::function<sample()> script(std::vector<double> values) {
  auto at = std::make_shared<std::size_t>(0);
  return [values = std::move(values), at] {
    return sample{values.at((*at)++), 0};
  };
}

TEST(Contest, RatiosAreTakenInsideTheRound) {
  contest table("t", "t", "µs", "base");
  table.add("base", script({9, 1, 10, 100}));
  table.add("other", script({9, 2, 20, 200}));  // the machine slows down
  table.run(3);
  const spread ratio = table.ratio("other", "base");
  EXPECT_EQ(ratio.median, 2);
  EXPECT_EQ(ratio.least, 2);
  EXPECT_EQ(ratio.most, 2);
  EXPECT_EQ(table.value("other").median, 20);
}

TEST(Contest, TheWarmUpDoesNotCount) {
  contest table("t", "t", "µs", "base");
  table.add("base", script({1000, 1, 1, 1}));
  table.run(3);
  EXPECT_EQ(table.value("base").most, 1);
}

TEST(Contest, AnUnknownVariantIsAnError) {
  contest table("t", "t", "µs", "base");
  table.record("base", {1});
  EXPECT_TRUE(table.has("base"));
  EXPECT_FALSE(table.has("other"));
  EXPECT_THROW((void)table.ratio("other", "base"), std::logic_error);
}

TEST(Quantile, IsOfTheSortedValues) {
  std::vector<double> values;
  for (int i = 1000; i >= 0; --i) values.push_back(i);
  EXPECT_EQ(quantile(values, 0.5), 500);
  EXPECT_EQ(quantile(values, 0.99), 990);
  EXPECT_EQ(quantile(values, 0.999), 999);
  std::vector<double> none;
  EXPECT_THROW(quantile(none, 0.5), std::logic_error);
}

// Of 15 tosses of a coin 3 or fewer are heads in 1.8 %, 4 or fewer in 5.9 %.
TEST(Spread, SaysWhatTheMedianSurelyIs) {
  std::vector<double> values;
  for (int i = 1; i <= 4; ++i) values.push_back(i);
  EXPECT_EQ(spread_of(values).surely, 0);  // all on one side: 6.25 %
  values.push_back(5);
  EXPECT_EQ(spread_of(values).surely, 1);  // 3.1 %
  for (int i = 6; i <= 15; ++i) values.push_back(i);
  EXPECT_EQ(spread_of(values).surely, 4);
}

TEST(Target, IsNotAboveUnlessThatIsProved) {
  target t{"T", "", target::wanted::not_above, 1.0, {1.03, 0.9, 1.2, 0.99}};
  EXPECT_TRUE(t.met());
  t.found.surely = 1.01;
  EXPECT_FALSE(t.met());
}

TEST(TimeEach, MeasuresMicroseconds) {
  const sample found = time_each(3, [] {
    const auto until = clock::now() + std::chrono::milliseconds(2);
    while (clock::now() < until) continue;
  });
  EXPECT_GE(found.value, 2000);
  EXPECT_GE(found.tail, found.value);
}

TEST(Target, IsJudgedByTheMedian) {
  const spread found{1.04, 0.9, 1.2};
  using enum target::wanted;
  EXPECT_TRUE((target{"T", "", at_most, 1.05, found}).met());
  EXPECT_FALSE((target{"T", "", at_most, 1.03, found}).met());
  EXPECT_TRUE((target{"T", "", at_least, 1.03, found}).met());
  EXPECT_FALSE((target{"T", "", at_least, 1.05, found}).met());
  EXPECT_EQ((target{"T", "", at_least, 2.5, found}).text(), ">= 2.5");
}

TEST(Figure, KeepsThreeDigits) {
  EXPECT_EQ(figure(0), "0");
  EXPECT_EQ(figure(0.01234), "0.0123");
  EXPECT_EQ(figure(1.0449), "1.04");
  EXPECT_EQ(figure(12.34), "12.3");
  EXPECT_EQ(figure(12345.6), "12346");
}

}  // namespace
}  // namespace bench
