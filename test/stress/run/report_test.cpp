// The summary: a run that hit too little, or could not tell what happened, or
// left a model without work, proves nothing, and says so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "run/stress.hpp"

namespace harness {
namespace {

using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
 protected:
  Report()
      : path_(std::filesystem::temp_directory_path() /
              ("report." + std::to_string(getpid()) + ".ndjson")) {
    std::filesystem::remove(path_);
    options_.faults = {"terminate"};
    options_.kinds = {"sql", "task"};
    options_.least_hits = 2;
    recorder_.emplace(path_, "nemesis");
  }
  ~Report() override { std::filesystem::remove(path_); }

  // One operation of `node`, a millisecond long.
  void tell(const std::string &node, Line event, Ev end) {
    Recorder recorder(path_, node);
    event.t = t_ += kMillisecond;
    event.ev = Ev::kInvoke;
    recorder.record(event);
    event.t = t_ += kMillisecond;
    event.ev = end;
    recorder.record(event);
  }
  void hit() { tell("nemesis", fault_, Ev::kOk); }
  void grant(const std::string &node, Mode mode, std::int64_t limit = 0) {
    Line event;
    event.name = "harness/" + std::string(to_string(mode));
    event.mode = mode;
    event.limit = limit;
    event.token = t_ + 1;
    tell(node, event, Ev::kOk);
  }
  void release(const std::string &node, Mode mode) {
    Line event;
    event.op = Op::kRelease;
    event.name = "harness/" + std::string(to_string(mode));
    tell(node, event, Ev::kOk);
  }
  void run(const std::string &node, Ev end) {
    Line event;
    event.op = Op::kRun;
    event.name = "harness/once";
    event.slot = "monday";
    tell(node, event, end);
  }

  // Something for each model.
  void work() {
    grant("a", Mode::kExclusive);
    release("a", Mode::kExclusive);
    grant("a", Mode::kShared);
    grant("b", Mode::kShared);
    release("a", Mode::kShared);
    release("b", Mode::kShared);
    grant("a", Mode::kPermit, 1);
    release("a", Mode::kPermit);
    run("a", Ev::kOk);
    run("b", Ev::kFail);
  }

  std::string summary(int status) {
    std::ostringstream out;
    EXPECT_EQ(report(options_, path_, {"a note"}, out), status) << out.str();
    return out.str();
  }

  static constexpr std::int64_t kMillisecond = 1'000'000;
  const std::string path_;
  StressOptions options_;
  Line fault_{.op = Op::kFault, .name = "terminate", .slot = "", .pid = 42};
  std::int64_t t_ = 0;
  std::optional<Recorder> recorder_;
};

TEST_F(Report, OfARunThatProvesSomething) {
  work();
  hit();
  hit();
  const std::string text = summary(0);
  EXPECT_THAT(text, HasSubstr("terminate          2"));
  EXPECT_THAT(text, HasSubstr("note: a note"));
  EXPECT_THAT(text, HasSubstr("determinate 100.0 %"));
  EXPECT_THAT(text, HasSubstr("violations: 0"));
  EXPECT_THAT(text, Not(HasSubstr("proved nothing")));
}

TEST_F(Report, OfTooFewHitsProvesNothing) {
  work();
  hit();
  EXPECT_THAT(summary(1),
              HasSubstr("proved nothing: fault terminate hit 1 times"));
}

TEST_F(Report, OfAFaultThatHitNothingProvesNothing) {
  work();
  hit();
  tell("nemesis", fault_, Ev::kFail);
  EXPECT_THAT(summary(1),
              HasSubstr("proved nothing: fault terminate hit 1 times"));
}

TEST_F(Report, OfUnknownOutcomesProvesNothing) {
  work();
  hit();
  hit();
  run("c", Ev::kUnknown);
  run("c", Ev::kUnknown);
  EXPECT_THAT(summary(1), HasSubstr("proved nothing: too many operations"));
}

TEST_F(Report, OfModelsWithoutWorkProvesNothing) {
  hit();
  hit();
  const std::string text = summary(1);
  EXPECT_THAT(text, HasSubstr("proved nothing: no exclusive lock"));
  EXPECT_THAT(text, HasSubstr("proved nothing: no two readers"));
  EXPECT_THAT(text, HasSubstr("proved nothing: no semaphore"));
  EXPECT_THAT(text, HasSubstr("proved nothing: no slot"));
}

TEST_F(Report, OfAViolationShowsItsWindow) {
  work();
  hit();
  hit();
  run("c", Ev::kOk);
  const std::string text = summary(1);
  EXPECT_THAT(text, HasSubstr("VIOLATION once"));
  EXPECT_THAT(text, HasSubstr("violations of once: 1"));
  EXPECT_THAT(text, Not(HasSubstr("proved nothing")));
}

}  // namespace
}  // namespace harness
