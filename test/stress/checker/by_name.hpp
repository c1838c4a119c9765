// Sorting a timeline's holds by lock name and moment of grant: what every
// model starts with.

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_BY_NAME_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_BY_NAME_HPP_

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "checker/timeline.hpp"

namespace harness {

using HoldList = std::vector<const Hold *>;  // sorted by Hold::granted

// The holds for which `wanted(hold)` is true, grouped by `key(hold)`.
template <typename Wanted, typename Key>
auto group_holds(const Timeline &timeline, Wanted wanted, Key key) {
  std::map<decltype(key(timeline.holds.front())), HoldList> groups;
  for (const Hold &hold : timeline.holds) {
    if (wanted(hold)) {
      groups[key(hold)].push_back(&hold);
    }
  }
  for (auto &[_, list] : groups) {
    std::stable_sort(
        list.begin(), list.end(),
        [](const Hold *a, const Hold *b) { return a->granted < b->granted; });
  }
  return groups;
}

// How many of `list` were granted before `t`.
inline std::size_t granted_before(const HoldList &list, std::int64_t t) {
  return std::lower_bound(list.begin(), list.end(), t,
                          [](const Hold *hold, std::int64_t limit) {
                            return hold->granted < limit;
                          }) -
         list.begin();
}

// For each prefix of `list`, the hold with the largest `value`.
template <typename Value>
HoldList prefix_maximum(const HoldList &list, Value value) {
  HoldList maxima;
  maxima.reserve(list.size());
  for (const Hold *hold : list) {
    const bool larger = maxima.empty() || value(*hold) > value(*maxima.back());
    maxima.push_back(larger ? hold : maxima.back());
  }
  return maxima;
}

// Calls `visit(inside, hold)` for each confirmed hold of `list`, with those
// that certainly exist when it has been granted, itself the last.
template <typename Visit>
void sweep(const HoldList &list, Visit visit) {
  struct Step {
    std::int64_t t;
    bool begins;
    const Hold *hold;
  };
  std::vector<Step> steps;
  for (const Hold *hold : list) {
    if (hold->confirmed()) {
      steps.push_back({hold->granted, true, hold});
      steps.push_back({hold->until, false, hold});
    }
  }
  // An end comes before a beginning at the same moment.
  std::sort(steps.begin(), steps.end(), [](const Step &a, const Step &b) {
    return a.t != b.t ? a.t < b.t : a.begins < b.begins;
  });
  HoldList inside;
  for (const Step &step : steps) {
    if (step.begins) {
      inside.push_back(step.hold);
      visit(inside, *step.hold);
    } else {
      std::erase(inside, step.hold);
    }
  }
}

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_BY_NAME_HPP_
