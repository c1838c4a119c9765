// Rules about the resource and about what clients believed, against histories
// that break them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checker/story.hpp"

namespace harness {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Writes, InTokenOrderAreLegal) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).write("a", 2, 3, 1, 1);
  story.lost("a", 4);
  story.acquire("b", 4, 5, {.token = 2}).write("b", 6, 7, 2, 2);
  story.write("a", 8, 9, 1, 0, Ev::kFail);  // stale, and refused
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Writes, StaleTokenAcceptedIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1});
  story.acquire("b", 4, 5, {.token = 2}).write("b", 6, 7, 2, 1);
  story.write("a", 8, 9, 1, 2);
  EXPECT_THAT(rules(story), UnorderedElementsAre("fence-order"));
}

TEST(Writes, LostUpdateIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).write("a", 2, 3, 1, 5);
  story.acquire("b", 4, 5, {.token = 2}).write("b", 6, 7, 2, 5);
  EXPECT_THAT(rules(story), UnorderedElementsAre("lost-update"));
}

TEST(Writes, RefusalOfTheHolderIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).write("a", 2, 3, 1, 0, Ev::kFail);
  story.release("a", 4, 5);
  EXPECT_THAT(rules(story), UnorderedElementsAre("fence-order"));
}

TEST(Writes, ForgedTokenIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).write("a", 2, 3, 9, 1);
  EXPECT_THAT(rules(story), UnorderedElementsAre("forged-token"));
}

TEST(Beliefs, WhileAnotherHoldsIsFlagged) {
  Story story;  // frozen, and believing again after the lock had gone on
  story.acquire("a", 0, 1, {.token = 1}).believe("a", 2);
  story.fault("stop", 3, 30, "freezes", 0, "a");
  story.acquire("b", 4, 20, {.token = 2}).release("b", 40, 41);
  story.believe("a", 31);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

// Two of two permits are taken, and a third client believes that it has one.
Story crowded() {
  Story story;
  const auto permit = [](std::int64_t number, std::int64_t token) {
    return Story::Grant{
        .token = token, .mode = Mode::kPermit, .permit = number, .limit = 2};
  };
  story.acquire("a", 0, 1, permit(1, 1)).believe("a", 2);
  story.acquire("b", 0, 3, permit(2, 2)).release("b", 50, 51);
  story.acquire("c", 4, 20, permit(1, 3)).release("c", 40, 41);
  return story;
}

TEST(Beliefs, WhileOthersHaveAllPermitsIsFlagged) {
  Story story = crowded();
  story.believe("a", 31);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

TEST(Beliefs, WhileAPermitIsFreeAreLegal) {
  Story story = crowded();
  story.believe("a", 19).believe("a", 45);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Beliefs, AfterATerminationUntilToldAreLegal) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("terminate", 3, 4, "ends", 42);
  story.acquire("b", 4, 5, {.token = 2}).release("b", 5000, 5001);
  story.believe("a", 1003).lost("a", 1004);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Beliefs, LongAfterATerminationIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("terminate", 3, 4, "ends", 42);
  story.believe("a", 1005);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

TEST(Beliefs, AfterACrashOfTheServerAreBoundedToo) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("kill_server", 3, 4, "ends");
  story.believe("a", 900).believe("a", 1100);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

TEST(Beliefs, OfAFrozenClientAreBoundedFromItsWakening) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("terminate", 3, 4, "ends", 42);
  story.fault("stop", 2, 3000, "freezes", 0, "a");
  story.believe("a", 3001).believe("a", 3999);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Beliefs, LossThatIsToldIsLegal) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).believe("a", 2);
  story.fault("freeze", 3, 3000, "freezes", 0, "a");
  story.lost("a", 3001).told("a", 3002, Ev::kOk);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Beliefs, LossThatNobodyIsToldIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).believe("a", 2);
  story.fault("freeze", 3, 3000, "freezes", 0, "a");
  story.lost("a", 3001).told("a", 5001, Ev::kFail);
  EXPECT_THAT(rules(story), UnorderedElementsAre("untold-loss"));
}

TEST(Beliefs, FaultThatCameLaterIsNoExcuse) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.acquire("b", 4, 5, {.token = 2}).release("b", 40, 41);
  story.believe("a", 6).fault("terminate", 7, 8, "ends", 42);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

TEST(Beliefs, FaultOnAnotherBackendIsNoExcuse) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("terminate", 3, 4, "ends", 43);
  story.acquire("b", 4, 5, {.token = 2}).release("b", 40, 41);
  story.believe("a", 6);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

TEST(Beliefs, FaultOnAnotherNodeWithALongerNameIsNoExcuse) {
  Story story;
  story.acquire("sql-1.10", 0, 1, {.token = 1});
  story.fault("discard", 3, 4, "ends", 0, "sql-1.1");
  story.acquire("b", 4, 5, {.token = 2}).release("b", 40, 41);
  story.believe("sql-1.10", 6);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss"));
}

TEST(Beliefs, AnEarlierFaultDoesNotHideALaterExcuse) {
  Story story;
  story.fault("kill_server", 0, 2, "ends");
  story.acquire("a", 1, 3, {.token = 1, .pid = 42});
  story.fault("terminate", 2000, 2001, "ends", 42);
  story.acquire("b", 2002, 2003, {.token = 2}).release("b", 3000, 3001);
  story.believe("a", 2500);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Beliefs, BeyondTheLeaseAreFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .lease = 100});
  story.beat("a", 50, 51).believe("a", 149);
  EXPECT_THAT(rules(story), IsEmpty());
  story.believe("a", 151);
  EXPECT_THAT(rules(story), UnorderedElementsAre("lease"));
}

TEST(Beliefs, AfterABadBeatAreFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1}).beat("a", 2, 3, Ev::kFail);
  story.believe("a", 4);
  EXPECT_THAT(rules(story), UnorderedElementsAre("belief"));
}

TEST(Witness, MeetingWithoutAFaultIsFlagged) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.acquire("b", 2, 3, {.token = 2}).meet("b", 4, "a");
  EXPECT_THAT(rules(story), UnorderedElementsAre("witness"));
}

TEST(Witness, FaultThatCameLaterIsNoExcuse) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.acquire("b", 2, 3, {.token = 2}).meet("b", 4, "a");
  story.fault("terminate", 5, 6, "ends", 42);
  EXPECT_THAT(rules(story), UnorderedElementsAre("witness"));
}

TEST(Witness, MeetingTwoIsFlaggedIfAFaultExplainsOnlyOne) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .mode = Mode::kShared, .pid = 42});
  story.acquire("b", 0, 1, {.token = 2, .mode = Mode::kShared, .pid = 43});
  story.fault("terminate", 1.5, 2, "ends", 42);
  story.acquire("c", 2, 3, {.token = 3}).meet("c", 4, "a b");
  EXPECT_THAT(rules(story), UnorderedElementsAre("witness"));
}

TEST(Witness, OneTooManyWithPermitsIsFlagged) {
  Story story = crowded();
  story.meet("c", 21, "a b", Mode::kPermit);
  EXPECT_THAT(rules(story), UnorderedElementsAre("witness"));
}

TEST(Witness, OneTooManyWithPermitsIsLegalIfOneWasHit) {
  Story story = crowded();
  story.fault("stop", 3.5, 30, "freezes", 0, "a");
  story.meet("c", 21, "a b", Mode::kPermit);
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Witness, MeetingWithATerminatedHolderIsLegal) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1, .pid = 42});
  story.fault("terminate", 1.5, 2, "ends", 42);
  story.acquire("b", 2, 3, {.token = 2}).meet("b", 4, "a");
  EXPECT_THAT(rules(story), IsEmpty());
}

// Cut off until 8 and away for a while; another has the lock meanwhile.
Story cut_off(const char *node) {
  Story story;
  story.acquire(node, 0, 1, {.token = 1, .lease = 4}).believe(node, 2);
  story.fault("link", 1.5, 8, "cuts", 0, "far-");
  story.acquire("b", 3, 6, {.token = 2}).release("b", 9, 10);
  return story;
}

TEST(Witness, MeetingWithAClientThatWasCutOffIsLegal) {
  Story story = cut_off("far-sql.1");
  story.meet("b", 7, "far-sql.1");
  EXPECT_THAT(rules(story), IsEmpty());
}

TEST(Witness, CutLinkOfOthersIsNoExcuse) {
  Story story = cut_off("sql-1.1");
  story.meet("b", 7, "sql-1.1");
  EXPECT_THAT(rules(story), UnorderedElementsAre("witness"));
}

TEST(Beliefs, OfAClientThatWasCutOffAreFlaggedWhileAnotherHolds) {
  Story story = cut_off("far-sql.1");
  story.believe("far-sql.1", 7);
  EXPECT_THAT(rules(story), UnorderedElementsAre("late-loss", "lease"));
}

TEST(Witness, MeetingWithAKilledClientIsLegal) {
  Story story;
  story.acquire("a", 0, 1, {.token = 1});
  story.fault("kill_client", 1.5, 1.6, "kills", 0, "a");
  story.acquire("b", 2, 3, {.token = 2}).meet("b", 4, "a");
  EXPECT_THAT(rules(story), IsEmpty());
}

}  // namespace
}  // namespace harness
