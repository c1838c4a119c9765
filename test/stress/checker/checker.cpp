#include "checker/checker.hpp"

#include <algorithm>

namespace harness {
namespace {

// From the beginning of each fault to the first grant asked for after its end.
auto measure_recoveries(const History &history, const Timeline &timeline) {
  std::vector<const Hold *> holds;
  for (const Hold &hold : timeline.holds) {
    holds.push_back(&hold);
  }
  std::ranges::sort(holds, {}, &Hold::granted);
  std::map<std::string, std::vector<std::int64_t>> recoveries;
  for (const Fault &fault : timeline.faults) {
    const auto grant = std::ranges::find_if(
        std::ranges::lower_bound(holds, fault.done, {}, &Hold::granted),
        holds.end(),
        [&](const Hold *hold) { return hold->asked > fault.done; });
    if (fault.ends && grant != holds.end()) {
      recoveries[history.strings.text(fault.name)].push_back((*grant)->granted -
                                                             fault.begun);
    }
  }
  for (auto &[_, times] : recoveries) {
    std::ranges::sort(times);
  }
  return recoveries;
}

}  // namespace

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
  verdict.workload = measure_workload(timeline);
  verdict.recoveries = measure_recoveries(history, timeline);
  return verdict;
}

}  // namespace harness
