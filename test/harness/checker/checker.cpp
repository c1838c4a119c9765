#include "checker/checker.hpp"

#include <algorithm>

namespace harness {

double Verdict::determinate_share() const {
  return operations == 0 ? 0.0
                         : static_cast<double>(determinate) /
                               static_cast<double>(operations);
}

Verdict check(const History &history, const Promises &promises) {
  Verdict verdict;
  const Timeline timeline = read_timeline(history, verdict.violations);
  check_exclusion(timeline, verdict.violations);
  check_permits(timeline, verdict.violations);
  check_tokens(timeline, verdict.violations);
  check_writes(timeline, verdict.violations);
  check_beliefs(history, timeline, promises, verdict.violations);
  check_ended(history, timeline, verdict.violations);
  check_runs(history, timeline, verdict.violations);

  verdict.operations = timeline.operations;
  verdict.determinate = timeline.determinate;
  verdict.grants = timeline.holds.size();
  verdict.writes = std::ranges::count_if(timeline.writes, [](const Write &w) {
    return w.accepted && w.op == Op::kWrite;
  });
  verdict.successful_runs = std::ranges::count_if(
      timeline.runs,
      [](const Run &run) { return !run.effect && run.outcome == Ev::kOk; });
  for (const Fault &fault : timeline.faults) {
    ++verdict.hits[history.strings.text(fault.name)];
  }
  return verdict;
}

}  // namespace harness
