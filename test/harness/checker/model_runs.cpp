// Once per slot: what was answered against what was left behind.

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

}  // namespace

void check_runs(const History &history, const Timeline &timeline,
                Violations &violations) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Slot> slots;
  for (const Run &run : timeline.runs) {
    Slot &slot = slots[{run.name, run.slot}];
    if (run.effect) {
      slot.effects.push_back(run.event);
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
}

}  // namespace harness
