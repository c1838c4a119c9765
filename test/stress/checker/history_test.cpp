// Histories through a file: nothing is lost or bent on the way, damage is
// noticed, and a million events are judged in seconds.

#include "checker/history.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "checker/checker.hpp"

namespace harness {
namespace {

class HistoryFile : public testing::Test {
 protected:
  HistoryFile()
      : path_(std::filesystem::temp_directory_path() /
              ("history." + std::to_string(getpid()) + ".ndjson")) {
    std::filesystem::remove(path_);
  }
  ~HistoryFile() override { std::filesystem::remove(path_); }

  const std::string path_;
};

TEST_F(HistoryFile, GivesBackWhatWasRecorded) {
  Recorder recorder(path_, "sql-1");
  recorder.record({.t = 5, .op = Op::kAcquire, .name = "jobs/\"\nключ"});
  recorder.record({.t = 7,
                   .op = Op::kAcquire,
                   .ev = Ev::kOk,
                   .name = "jobs/\"\nключ",
                   .mode = Mode::kPermit,
                   .slot = "s",
                   .target = "t",
                   .token = INT64_MAX,
                   .value = -1,
                   .limit = 3,
                   .lease = 4,
                   .pid = 4711});
  const History history = load(path_);
  ASSERT_EQ(history.events.size(), 2U);
  const Event &event = history.events[1];
  EXPECT_EQ(event.t, 7);
  EXPECT_EQ(history.strings.text(event.node), "sql-1");
  EXPECT_EQ(event.op, Op::kAcquire);
  EXPECT_EQ(event.ev, Ev::kOk);
  EXPECT_EQ(history.strings.text(event.name), "jobs/\"\nключ");
  EXPECT_EQ(event.name, history.events[0].name);
  EXPECT_EQ(event.mode, Mode::kPermit);
  EXPECT_EQ(history.strings.text(event.slot), "s");
  EXPECT_EQ(history.strings.text(event.target), "t");
  EXPECT_EQ(event.token, INT64_MAX);
  EXPECT_EQ(event.value, -1);
  EXPECT_EQ(event.limit, 3);
  EXPECT_EQ(event.lease, 4);
  EXPECT_EQ(event.pid, 4711);
}

TEST_F(HistoryFile, IsSortedByTime) {
  Recorder(path_, "b").record({.t = 9, .op = Op::kLost});
  Recorder(path_, "a").record({.t = 3, .op = Op::kLost});
  const History history = load(path_);
  ASSERT_EQ(history.events.size(), 2U);
  EXPECT_EQ(history.strings.text(history.events[0].node), "a");
}

TEST_F(HistoryFile, DamageIsNoticed) {
  for (const char *text :
       {R"({"t":1,"node":"a","op":"acquire","ev":"in)",
        R"({"t":1,"node":"a","op":"dance","ev":"ok"})",
        R"({"t":1,"node":"a","op":"lost","ev":"ok","nmae":"x"})",
        R"({"t":"x","node":"a","op":"lost","ev":"ok"})", "nonsense\n"}) {
    std::ofstream(path_) << text << '\n';
    EXPECT_THROW(load(path_), std::runtime_error) << text;
  }
  EXPECT_THROW(load(path_ + ".absent"), std::runtime_error);
}

// 1,000,000 events of 20 nodes and 50 names, correct but for the last grant.
void write_million(const std::string &path) {
  constexpr int kRounds = 1000000 / 8;
  std::ofstream out(path);
  std::int64_t t = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto line = [&](const char *op, const char *ev,
                          const std::string &rest) {
      out << R"({"t":)" << (t += 1000) << R"(,"node":"n)" << i % 20
          << R"(","op":")" << op << R"(","ev":")" << ev << R"(","name":"jobs/)"
          << i % 50 << '"' << rest << "}\n";
    };
    const std::string token = R"(,"token":)" + std::to_string(i + 1);
    const std::string value = token + R"(,"value":)" + std::to_string(i / 50);
    line("acquire", "invoke", "");
    line("acquire", "ok", token + R"(,"pid":1,"lease":1000000000)");
    line("believe", "ok", "");
    line("write", "invoke", token);
    line("write", "ok", value);
    line("believe", "ok", "");
    line("release", "invoke", "");
    line("release", "ok", "");
  }
  out << R"({"t":1,"node":"x","op":"acquire","ev":"invoke","name":"jobs/0"})"
      << '\n'
      << R"({"t":)" << t + 1
      << R"(,"node":"x","op":"acquire","ev":"ok","name":"jobs/0","token":1})"
      << '\n';
}

TEST_F(HistoryFile, MillionEventsAreJudgedInTenSeconds) {
  write_million(path_);
  // Of our own time: what else the machine does is none of our business.
  const std::clock_t start = std::clock();
  const Verdict verdict = check(load(path_));
  const double seconds = static_cast<double>(std::clock() - start) /
                         static_cast<double>(CLOCKS_PER_SEC);
  EXPECT_LT(seconds, 10.0);
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_EQ(verdict.operations, 375001U);
  ASSERT_EQ(verdict.violations.size(), 1U);  // and not overlooked
  EXPECT_EQ(verdict.violations.front().rule, "token-order");
}

}  // namespace
}  // namespace harness
