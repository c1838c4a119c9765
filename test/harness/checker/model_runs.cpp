// Once per slot: what was answered against what was left behind.

#include <algorithm>
#include <map>

#include "checker/models.hpp"

namespace harness {
namespace {

struct Slot {
  std::vector<Index> succeeded;
  std::vector<Index> effects;
  bool unknown = false;
};

void check_slot(const std::string &text, const Slot &slot, bool effects_read,
                Violations &violations) {
  const auto complain = [&](const std::string &what,
                            const std::vector<Index> &events) {
    violations.push_back({"once", text + ": " + what, events});
  };
  if (slot.succeeded.size() > 1) {
    complain("two runs were reported as successful", slot.succeeded);
  }
  if (slot.effects.size() > 1) {
    complain("the task ran twice", slot.effects);
  }
  if (effects_read && slot.effects.empty() && !slot.succeeded.empty()) {
    complain("a successful run left nothing behind", slot.succeeded);
  }
  if (!slot.effects.empty() && slot.succeeded.empty() && !slot.unknown) {
    complain("the task ran, but every caller was told that it did not",
             slot.effects);
  }
}

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
  std::int64_t forgotten = 0;
  for (const Fault &fault : timeline.faults) {
    if (fault.forgets) {
      forgotten = std::max(forgotten, fault.done);
    }
  }
  std::map<std::pair<std::uint32_t, std::uint32_t>, Slot> slots;
  for (const Run &run : timeline.runs) {
    Slot &slot = slots[{run.name, run.slot}];
    if (run.effect) {
      slot.effects.push_back(run.event);
    } else if (run.outcome != Ev::kFail && run.answered <= forgotten) {
      slot.unknown = true;
    } else if (run.outcome == Ev::kOk) {
      slot.succeeded.push_back(run.event);
    } else if (run.outcome == Ev::kUnknown) {
      slot.unknown = true;
    }
  }
  for (const auto &[key, slot] : slots) {
    check_slot("slot \"" + history.strings.text(key.second) + "\" of \"" +
                   history.strings.text(key.first) + "\"",
               slot, timeline.effects_read, violations);
  }
  check_values(timeline, violations);
}

}  // namespace harness
