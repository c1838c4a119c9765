// The checker against histories that break each rule, and against correct ones
// that come as close as they may.

#include "checker/checker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "checker/story.hpp"

namespace harness {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

Story::Grant shared(std::int64_t token) {
  return {.token = token, .mode = Mode::kShared};
}

Story::Grant permit(std::int64_t number, std::int64_t token) {
  return {.token = token, .mode = Mode::kPermit, .permit = number, .limit = 2};
}

// Two nodes, one after the other: the correct history that others break.
Story in_turn() {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 10, 11);
  story.acquire("b", 5, 10.5, {.token = 2}).release("b", 20, 21);
  return story;
}

TEST(Exclusion, HoldsInTurnAreLegal) {
  Story story = in_turn();
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Exclusion, DoubleGrantIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 10, 11);
  story.acquire("b", 2, 3, {.token = 2}).release("b", 8, 9);
  EXPECT_THAT(rules(story), testing::Contains("exclusion"));
}

TEST(Exclusion, OverlapOfOneMillisecondIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 10, 11);
  story.acquire("b", 5, 9, {.token = 2}).release("b", 20, 21);
  EXPECT_THAT(rules(story), UnorderedElementsAre("exclusion"));
}

TEST(Exclusion, GrantInsideAnothersHoldIsFlaggedEvenIfNeverConfirmed) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 10, 11);
  story.acquire("b", 2, 3, {.token = 2});
  EXPECT_THAT(rules(story), testing::Contains("exclusion"));
}

TEST(Exclusion, AnswersCrossingOnTheWayAreLegal) {
  Story story;  // b was granted, and terminated, before its answer was read
  story.acquire("b", 0, 6, {.token = 1});
  story.acquire("a", 1, 5, {.token = 2}).release("a", 10, 11);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Exclusion, LongHoldAgainstManyShortOnesIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 100, 101);
  story.acquire("b", 10, 11, {.token = 2}).release("b", 12, 13);
  story.acquire("c", 40, 41, {.token = 3}).release("c", 42, 43);
  std::size_t overlaps = 0;
  for (const Violation &violation : check(story.history()).violations) {
    overlaps += violation.rule == "exclusion";
  }
  EXPECT_EQ(overlaps, 2U);
}

TEST(Exclusion, UnknownOutcomesProveNothing) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 4, 5, Ev::kUnknown);
  story.acquire("c", 0, 9, {}, Ev::kUnknown);
  story.acquire("b", 4.5, 6, {.token = 2}).release("b", 20, 21);
  story.acquire("d", 22, 23, {.token = 3});
  story.ask("d", Op::kRelease, 25);  // d died here
  story.acquire("e", 26, 27, {.token = 4});
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(ReaderWriter, ReadersTogetherAreLegal) {
  Story story;
  story.acquire("a", 0, 1, shared(1)).release("a", 10, 11);
  story.acquire("b", 0, 2, shared(2)).release("b", 10, 12);
  story.acquire("w", 5, 13, {.token = 3}).release("w", 14, 15);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(ReaderWriter, WriterAmongReadersIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, shared(1)).release("a", 10, 11);
  story.acquire("w", 5, 9, {.token = 3}).release("w", 14, 15);
  EXPECT_THAT(rules(story), testing::Contains("exclusion"));
}

TEST(ReaderWriter, ReaderInsideAWriterIsFlagged) {
  Story story;
  story.acquire("w", 0, 1, {.token = 1}).release("w", 14, 15);
  story.acquire("a", 5, 6, shared(3)).release("a", 7, 8);
  EXPECT_THAT(rules(story), testing::Contains("exclusion"));
}

TEST(Permits, AsManyAsThereAreIsLegal) {
  Story story;
  story.acquire("a", 0, 1, permit(1, 1)).release("a", 10, 11);
  story.acquire("b", 0, 2, permit(2, 2)).release("b", 10, 12);
  story.acquire("c", 0, 10.5, permit(1, 3)).release("c", 20, 21);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Permits, OneTooManyIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, permit(1, 1)).release("a", 10, 11);
  story.acquire("b", 0, 2, permit(2, 2)).release("b", 10, 12);
  story.acquire("c", 0, 9, permit(3, 3)).release("c", 20, 21);
  EXPECT_THAT(rules(story), UnorderedElementsAre("permits"));
}

TEST(Permits, OnePermitTwiceIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, permit(1, 1)).release("a", 10, 11);
  story.acquire("b", 0, 2, permit(1, 2)).release("b", 10, 12);
  EXPECT_THAT(rules(story), UnorderedElementsAre("permits"));
}

TEST(Permits, UnknownNumbersAreNotOnePermit) {
  Story story;
  story.acquire("a", 0, 1, permit(0, 1)).release("a", 10, 11);
  story.acquire("b", 0, 2, permit(0, 2)).release("b", 10, 12);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Permits, FallingTokenIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, permit(1, 7)).release("a", 10, 11);
  story.acquire("b", 2, 3, permit(2, 6)).release("b", 10, 12);
  EXPECT_THAT(rules(story), UnorderedElementsAre("token-order"));
}

TEST(Tokens, RepeatedTokenIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 7}).release("a", 2, 3);
  story.acquire("b", 4, 5, {.token = 7}).release("b", 6, 7);
  EXPECT_THAT(rules(story), UnorderedElementsAre("token-order"));
}

TEST(Tokens, FallingTokenIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 7}).release("a", 2, 3);
  story.acquire("b", 4, 5, {.token = 6});
  EXPECT_THAT(rules(story), UnorderedElementsAre("token-order"));
}

TEST(Tokens, FallingTokenOfAWaiterIsFlagged) {
  Story story;  // drawn before the grant: b asked first and was granted second
  story.acquire("b", 0, 11, {.token = 1}).release("b", 20, 21);
  story.acquire("a", 1, 2, {.token = 2}).release("a", 10, 11);
  EXPECT_THAT(rules(story), UnorderedElementsAre("token-order"));
}

TEST(Tokens, SharedGrantsAtOnceMayBeAnsweredInAnyOrder) {
  Story story;
  story.acquire("a", 0, 3, shared(1)).release("a", 10, 11);
  story.acquire("b", 0, 2, shared(2)).release("b", 10, 12);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Release, ByAStrangerIsFlagged) {
  Story story = in_turn();
  story.release("c", 15, 16);
  EXPECT_THAT(rules(story), UnorderedElementsAre("stranger-release"));
}

TEST(Release, RefusedToAStrangerIsLegal) {
  Story story = in_turn();
  story.release("c", 15, 16, Ev::kFail);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Release, OfAHoldThatAFaultEndedIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("terminate", 2, 3, "ends", 42);
  story.release("a", 4, 5);
  EXPECT_THAT(rules(story), UnorderedElementsAre("ended-but-held"));
}

TEST(Acquire, FailedButHeldIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {}, Ev::kFail).beat("a", 2, 3);
  EXPECT_THAT(rules(story), UnorderedElementsAre("failed-but-held"));
}

TEST(Acquire, UnknownAndHeldIsLegal) {
  Story story;
  story.acquire("a", 0, 1, {}, Ev::kUnknown).beat("a", 2, 3).release("a", 4, 5);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Acquire, StackedGrantIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).acquire("a", 2, 3, {.token = 2});
  EXPECT_THAT(rules(story), testing::Contains("stacked"));
}

TEST(Once, OneRunOfASlotIsLegal) {
  Story story;
  story.run("a", 0, 1, "mon").run("b", 0, 1, "mon", Ev::kFail);
  story.run("c", 2, 3, "tue", Ev::kUnknown);
  story.effects(9).effect(9, "mon").effect(9, "tue");
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Once, SecondRunOfASlotIsFlagged) {
  Story story;
  story.run("a", 0, 1, "mon").run("b", 2, 3, "mon");
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, SecondEffectOfASlotIsFlagged) {
  Story story;
  story.run("a", 0, 1, "mon").run("b", 2, 3, "mon", Ev::kUnknown);
  story.effects(9).effect(9, "mon").effect(9, "mon");
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, RunWithoutEffectIsFlagged) {
  Story story;
  story.run("a", 0, 1, "mon").effects(9);
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, EffectOfADeniedRunIsFlagged) {
  Story story;
  story.run("a", 0, 1, "mon", Ev::kFail).effects(9).effect(9, "mon");
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, EffectOfARunThatNobodyAnsweredIsLegal) {
  Story story;  // the client was killed
  story.ask("a", Op::kRun, 0, "mon").effects(9).effect(9, "mon");
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Once, RunForgottenByAFailoverMayBeRepeated) {
  Story story;
  story.run("a", 0, 1, "mon").fault("promote", 2, 3, "forgets");
  story.run("b", 4, 5, "mon").effects(9).effect(9, "mon");
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Once, FailoverIsNoExcuseForWhatCameLater) {
  Story story;
  story.fault("promote", 2, 3, "forgets").run("a", 4, 5, "mon");
  story.run("b", 6, 7, "mon").effects(9).effect(9, "mon");
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, FailoverBeforeBothRunsIsNoExcuse) {
  Story story;
  story.run("a", 0, 1, "mon").run("b", 2, 3, "mon");
  story.fault("promote", 4, 5, "forgets").effects(9).effect(9, "mon");
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, TwoBeginningsOfOneSlotAreFlagged) {
  Story story;  // told by the runs themselves; nobody read the answers
  story.ask("a", Op::kRun, 0, "mon").effect(1, "mon", 0, "a");
  story.ask("b", Op::kRun, 2, "mon").effect(3, "mon", 0, "b");
  EXPECT_THAT(rules(story), UnorderedElementsAre("once"));
}

TEST(Once, BeginningForgottenByAFailoverMayBeRepeated) {
  Story story;  // the first was slow to say so
  story.ask("a", Op::kRun, 0, "mon").effect(5, "mon", 0, "a");
  story.fault("promote", 2, 3, "forgets");
  story.ask("b", Op::kRun, 4, "mon").effect(6, "mon", 0, "b");
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Once, TwoRunsThatLeaveTheSameValueAreFlagged) {
  Story story;
  story.run("a", 0, 1, "r1").run("b", 2, 3, "r2");
  story.effects(9).effect(9, "r1", 7).effect(9, "r2", 7);
  EXPECT_THAT(rules(story), UnorderedElementsAre("lost-update"));
}

TEST(History, AnswerWithoutQuestionIsFlagged) {
  Story story;
  story.answer("a", Op::kAcquire, 1, Ev::kFail);
  EXPECT_THAT(rules(story), UnorderedElementsAre("malformed"));
}

TEST(History, SecondQuestionBeforeTheAnswerIsFlagged) {
  Story story;
  story.ask("a", Op::kAcquire, 1).ask("a", Op::kRelease, 2);
  EXPECT_THAT(rules(story), UnorderedElementsAre("malformed"));
}

TEST(Verdict, CountsWhatIsDeterminate) {
  Story story = in_turn();
  story.run("c", 0, 1, "mon", Ev::kUnknown);
  const Verdict verdict = check(story.history());
  EXPECT_EQ(verdict.operations, 5U);
  EXPECT_DOUBLE_EQ(verdict.determinate_share(), 0.8);
  EXPECT_EQ(verdict.grants, 2U);
}

TEST(Verdict, MeasuresWhatEachModelHadToJudge) {
  Story story = in_turn();
  story.acquire("c", 30, 31, shared(3)).release("c", 40, 41);
  story.acquire("d", 32, 33, shared(4)).release("d", 40, 42);
  story.run("e", 0, 1, "mon").run("f", 2, 3, "mon", Ev::kFail);
  const Workload plain = check(story.history()).workload;
  EXPECT_EQ(plain.of(Mode::kExclusive), 2U);
  EXPECT_EQ(plain.of(Mode::kShared), 2U);
  EXPECT_EQ(plain.readers_together, 1U);
  EXPECT_EQ(plain.second_runs, 1U);
  Story permits;
  permits.acquire("a", 0, 1, permit(1, 1)).release("a", 10, 11);
  permits.acquire("b", 2, 3, permit(2, 2)).release("b", 10, 12);
  const Workload full = check(permits.history()).workload;
  EXPECT_EQ(full.of(Mode::kPermit), 2U);
  EXPECT_EQ(full.semaphore_full, 1U);
}

TEST(Window, ShowsTheContradictionAndNothingElse) {
  Story story;
  for (int i = 0; i < 100; ++i) {
    story.acquire("z", 200 + i, 200.2 + i, {.token = 100 + i})
        .release("z", 200.5 + i, 200.6 + i);
  }
  story.acquire("a", 0, 1, {.token = 1}).release("a", 10, 11);
  story.acquire("b", 5, 9, {.token = 2}).release("b", 20, 21);
  const History &history = story.history();
  const Verdict verdict = check(history);
  ASSERT_FALSE(verdict.violations.empty());
  std::ostringstream out;
  print_window(out, history, verdict.violations.front());
  EXPECT_THAT(out.str(), testing::HasSubstr("VIOLATION exclusion"));
  EXPECT_THAT(out.str(), testing::HasSubstr(" >> "));
  EXPECT_THAT(out.str(), testing::HasSubstr("token 2"));
  EXPECT_THAT(out.str(), testing::Not(testing::HasSubstr("z ")));
  EXPECT_LE(std::ranges::count(out.str(), '\n'), 8);
}

TEST(Window, IsNeverLongerThanAsked) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).release("a", 1000, 1001);
  for (int i = 0; i < 300; ++i) {
    story.acquire("c", 2 + i, 2.2 + i, {}, Ev::kFail);
  }
  story.acquire("b", 500, 501, {.token = 2}).release("b", 502, 503);
  const History &history = story.history();
  std::ostringstream out;
  print_window(out, history, check(history).violations.front(), 20);
  EXPECT_LE(std::ranges::count(out.str(), '\n'), 24);
  EXPECT_THAT(out.str(), testing::HasSubstr("more events"));
}

}  // namespace
}  // namespace harness
