// How much of a history each model had to judge.  A model that met no history
// that could have broken it proves nothing.

#include <map>

#include "checker/by_name.hpp"
#include "checker/checker.hpp"

namespace harness {
namespace {

std::map<std::uint32_t, HoldList> of_mode(const Timeline &timeline, Mode mode) {
  return group_holds(
      timeline, [mode](const Hold &hold) { return hold.mode == mode; },
      [](const Hold &hold) { return hold.name; });
}

// How often a hold began while so many others certainly lasted.
template <typename Enough>
std::uint64_t count_together(const Timeline &timeline, Mode mode,
                             Enough enough) {
  std::uint64_t together = 0;
  for (const auto &[_, list] : of_mode(timeline, mode)) {
    sweep(list, [&](const HoldList &inside, const Hold &hold) {
      together += enough(static_cast<std::int64_t>(inside.size()), hold);
    });
  }
  return together;
}

void count_runs(const Timeline &timeline, Workload &workload) {
  struct Answers {
    std::uint64_t ok = 0;
    std::uint64_t fail = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Answers> slots;
  for (const Run &run : timeline.runs) {
    if (!run.effect) {
      Answers &answers = slots[{run.name, run.slot}];
      answers.ok += run.outcome == Ev::kOk;
      answers.fail += run.outcome == Ev::kFail;
    }
  }
  for (const auto &[_, answers] : slots) {
    workload.second_runs += answers.ok > 0 ? answers.fail : 0;
  }
}

}  // namespace

Workload measure_workload(const Timeline &timeline) {
  Workload workload;
  for (const Hold &hold : timeline.holds) {
    ++workload.grants[static_cast<std::size_t>(hold.mode)];
  }
  workload.readers_together = count_together(
      timeline, Mode::kShared,
      [](std::int64_t inside, const Hold &) { return inside > 1; });
  workload.semaphore_full = count_together(
      timeline, Mode::kPermit, [](std::int64_t inside, const Hold &hold) {
        return inside == hold.limit;
      });
  count_runs(timeline, workload);
  return workload;
}

}  // namespace harness
