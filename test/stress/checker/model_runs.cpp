// Once per slot: what was answered against what was left behind.

#include <algorithm>
#include <limits>
#include <map>

#include "checker/models.hpp"

namespace harness {
namespace {

struct Slot {
  std::vector<const Run *> succeeded;
  std::vector<const Run *> effects;
  bool unknown = false;
};

class RunChecker {
 public:
  RunChecker(const Timeline &timeline, Violations &violations)
      : violations_(violations), effects_read_(timeline.effects_read) {
    for (const Fault &fault : timeline.faults) {
      if (fault.forgets) {
        forgets_.push_back(&fault);
      }
    }
  }

  void check(const std::string &text, const Slot &slot) {
    repeated(text + ": two runs were reported as successful", slot.succeeded);
    repeated(text + ": the task ran twice", slot.effects);
    if (effects_read_ && slot.effects.empty()) {
      for (const Run *run : slot.succeeded) {
        if (!forgotten(*run, std::numeric_limits<std::int64_t>::max())) {
          complain(text + ": a successful run left nothing behind", {run});
        }
      }
    }
    if (!slot.effects.empty() && slot.succeeded.empty() && !slot.unknown) {
      complain(text +
                   ": the task ran, but every caller was told that it did"
                   " not",
               slot.effects);
    }
  }

 private:
  void complain(const std::string &what, const std::vector<const Run *> &runs) {
    Violation violation{"once", what, {}};
    for (const Run *run : runs) {
      violation.events.push_back(run->event);
    }
    violations_.push_back(std::move(violation));
  }

  // Can a failover between the beginning of `run` and `t` have lost its commit?
  bool forgotten(const Run &run, std::int64_t t) const {
    return std::ranges::any_of(forgets_, [&](const Fault *fault) {
      return fault->done >= run.asked && fault->begun <= t;
    });
  }

  void repeated(const std::string &what, std::vector<const Run *> runs) {
    std::ranges::sort(runs, {}, &Run::answered);
    for (std::size_t i = 1; i < runs.size(); ++i) {
      if (!forgotten(*runs[i - 1], runs[i]->answered)) {
        complain(what, {runs[i - 1], runs[i]});
      }
    }
  }

  Violations &violations_;
  bool effects_read_;
  std::vector<const Fault *> forgets_;
};

void check_values(const Timeline &timeline, Violations &violations) {
  std::map<std::pair<std::uint32_t, std::int64_t>, Index> seen;
  for (const Run &run : timeline.runs) {
    if (!run.effect || run.value == 0) {
      continue;
    }
    const auto [other, fresh] =
        seen.emplace(std::pair(run.name, run.value), run.event);
    if (!fresh) {
      violations.push_back(
          {"lost-update",
           "two runs left the same value " + std::to_string(run.value),
           {other->second, run.event}});
    }
  }
}

}  // namespace

void check_runs(const History &history, const Timeline &timeline,
                Violations &violations) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Slot> slots;
  for (const Run &run : timeline.runs) {
    Slot &slot = slots[{run.name, run.slot}];
    if (run.effect) {
      slot.effects.push_back(&run);
    } else if (run.outcome == Ev::kOk) {
      slot.succeeded.push_back(&run);
    } else if (run.outcome == Ev::kUnknown) {
      slot.unknown = true;
    }
  }
  RunChecker checker(timeline, violations);
  for (const auto &[key, slot] : slots) {
    checker.check("slot \"" + history.strings.text(key.second) + "\" of \"" +
                      history.strings.text(key.first) + "\"",
                  slot);
  }
  check_values(timeline, violations);
}

}  // namespace harness
