// What clients believed against what the server certainly had granted.
//
// The lease promises that a client that freezes or is cut off stops believing
// before the server can grant the lock to somebody else: no tolerance there.
// A fault that ends the hold on the server itself frees the lock at once, and
// the client may believe on until it is told, at most the report bound.

#include <map>

#include "checker/by_name.hpp"
#include "checker/fault_index.hpp"
#include "checker/models.hpp"

namespace harness {
namespace {

std::string milliseconds(std::int64_t ns) {
  return std::to_string(ns / 1000000) + " ms";
}

// Finds, for a moment, a hold that excludes `mine` and certainly existed then.
class Others {
 public:
  explicit Others(const Timeline &timeline) {
    const auto key = [](const Hold &hold) { return hold.name; };
    writers_ = group_holds(
        timeline, [](const Hold &h) { return h.mode == Mode::kExclusive; },
        key);
    readers_ = group_holds(
        timeline, [](const Hold &h) { return h.mode == Mode::kShared; }, key);
    permits_ = group_holds(
        timeline, [](const Hold &h) { return h.mode == Mode::kPermit; }, key);
    for (auto *groups : {&writers_, &readers_, &permits_}) {
      for (auto &[_, list] : *groups) {
        std::erase_if(list, [](const Hold *h) { return !h->confirmed(); });
      }
    }
    for (const auto &[name, list] : permits_) {
      longest_[name] =
          prefix_maximum(list, [](const Hold &hold) { return hold.until; });
    }
  }

  // Those whose holds leave no room for `mine` at `t`.
  HoldList at(const Hold &mine, std::int64_t t) const {
    if (mine.mode == Mode::kPermit) {
      return crowd(mine, t);
    }
    const Hold *found = newest(writers_, mine, t);
    if (found == nullptr && mine.mode == Mode::kExclusive) {
      found = newest(readers_, mine, t);
    }
    return found == nullptr ? HoldList() : HoldList{found};
  }

 private:
  using Groups = std::map<std::uint32_t, HoldList>;

  // Holds that exclude each other do not overlap, so the newest one granted
  // after ours decides; a violation of that is found elsewhere.
  static const Hold *newest(const Groups &groups, const Hold &mine,
                            std::int64_t t) {
    const auto list = groups.find(mine.name);
    if (list == groups.end()) {
      return nullptr;
    }
    for (std::size_t i = granted_before(list->second, t); i-- > 0;) {
      const Hold *hold = list->second[i];
      if (hold->granted <= mine.granted) {
        return nullptr;
      }
      if (hold != &mine && hold->until > t) {
        return hold;
      }
    }
    return nullptr;
  }

  // The holders of all other permits, if all are taken.
  HoldList crowd(const Hold &mine, std::int64_t t) const {
    HoldList others;
    const auto list = permits_.find(mine.name);
    if (list == permits_.end()) {
      return others;
    }
    const HoldList &longest = longest_.at(mine.name);
    for (std::size_t i = granted_before(list->second, t);
         i-- > 0 && longest[i]->until > t;) {
      const Hold *hold = list->second[i];
      if (hold != &mine && hold->until > t) {
        others.push_back(hold);
      }
    }
    if (std::ssize(others) < mine.limit) {
      others.clear();
    }
    return others;
  }

  Groups writers_;
  Groups readers_;
  Groups permits_;
  Groups longest_;  // of permits_, those that last longest up to there
};

void check_belief(const Timeline &timeline, const Belief &belief,
                  const FaultIndex &faults, const Others &others,
                  const Promises &promises, Violations &violations) {
  const Hold &hold = timeline.holds[belief.hold];
  if (hold.lease > 0 && belief.t > belief.beat + hold.lease) {
    violations.push_back(
        {"lease",
         "believed " + milliseconds(belief.t - belief.beat - hold.lease) +
             " longer than its lease",
         {hold.grant_event, belief.event}});
  }
  // A frozen client can be told only when it runs again.
  const auto told_by = [&](const Fault &fault) {
    return std::max(fault.done, faults.frozen_until(hold.node, belief.t)) +
           promises.report_bound;
  };
  const Fault *ended = faults.ended(hold);
  if (ended != nullptr && belief.t > told_by(*ended)) {
    violations.push_back({"late-loss",
                          "believed " + milliseconds(belief.t - ended->done) +
                              " after the server had ended the hold",
                          {hold.grant_event, ended->event, belief.event}});
  }
  const HoldList excluding = others.at(hold, belief.t);
  if (!excluding.empty() &&
      std::ranges::none_of(
          faults.maybe_ended(hold, belief.t),
          [&](const Fault *fault) { return belief.t <= told_by(*fault); })) {
    Violation violation{"late-loss",
                        "believed while another certainly held",
                        {hold.grant_event, belief.event}};
    for (const Hold *other : excluding) {
      violation.events.push_back(other->grant_event);
      violation.events.push_back(other->until_event);
    }
    violations.push_back(std::move(violation));
  }
}

// The newest hold of `node` on the name, granted before `t`.
const Hold *hold_of(const Timeline &timeline, std::uint32_t node,
                    std::uint32_t name, std::int64_t t) {
  const Hold *newest = nullptr;
  for (const Hold &hold : timeline.holds) {
    if (hold.node == node && hold.name == name && hold.granted < t &&
        (newest == nullptr || hold.granted > newest->granted)) {
      newest = &hold;
    }
  }
  return newest;
}

// These met at the resource.  One of them must have been hit.
void check_meeting(const Timeline &timeline, const Witness &meeting,
                   const std::vector<std::uint32_t> &nodes,
                   const FaultIndex &faults, Violations &violations) {
  Violation violation{
      "witness",
      std::to_string(nodes.size()) +
          " clients met at the resource, and no fault explains it",
      {}};
  for (const std::uint32_t node : nodes) {
    const Hold *hold = hold_of(timeline, node, meeting.name, meeting.t);
    if (hold == nullptr) {
      continue;
    }
    if (!faults.maybe_ended(*hold, meeting.t).empty() ||
        faults.killed(node, meeting.t) ||
        faults.frozen_until(node, meeting.t) > hold->asked ||
        faults.cut_off(*hold, meeting.t)) {
      return;
    }
    violation.events.push_back(hold->grant_event);
  }
  violation.events.push_back(meeting.event);
  violations.push_back(std::move(violation));
}

}  // namespace

void check_beliefs(const History &history, const Timeline &timeline,
                   const Promises &promises, Violations &violations) {
  const FaultIndex faults(history, timeline);
  const Others others(timeline);
  for (const Belief &belief : timeline.beliefs) {
    check_belief(timeline, belief, faults, others, promises, violations);
  }
  for (const Witness &meeting : timeline.witnesses) {
    if (meeting.mode == Mode::kPermit) {
      std::vector<std::uint32_t> all = meeting.others;
      all.push_back(meeting.node);
      check_meeting(timeline, meeting, all, faults, violations);
      continue;
    }
    for (const std::uint32_t other : meeting.others) {
      check_meeting(timeline, meeting, {meeting.node, other}, faults,
                    violations);
    }
  }
}

void check_ended(const History &history, const Timeline &timeline,
                 Violations &violations) {
  const FaultIndex faults(history, timeline);
  for (const Hold &hold : timeline.holds) {
    const Fault *ended = faults.ended(hold);
    if (ended != nullptr && hold.until > ended->done) {
      violations.push_back(
          {"ended-but-held",
           "the server confirmed a hold that it had ended",
           {hold.grant_event, ended->event, hold.until_event}});
    }
  }
}

}  // namespace harness
