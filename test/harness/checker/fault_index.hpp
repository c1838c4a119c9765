// Which fault of a history ended which hold, and which client was frozen when.

#ifndef PG_EXCLUSIVE_TEST_HARNESS_CHECKER_FAULT_INDEX_HPP_
#define PG_EXCLUSIVE_TEST_HARNESS_CHECKER_FAULT_INDEX_HPP_

#include <algorithm>
#include <map>
#include <vector>

#include "checker/timeline.hpp"

namespace harness {

// The faults that ended holds or froze clients, found by hold.
class FaultIndex {
 public:
  FaultIndex(const History &history, const Timeline &timeline)
      : history_(history) {
    for (const Fault &fault : timeline.faults) {
      if (fault.freezes) {
        freezes_.push_back(&fault);
      } else if (fault.ends && fault.pid != 0) {
        by_pid_.emplace(fault.pid, &fault);
      } else if (fault.ends) {
        wide_.push_back(&fault);
      }
    }
  }

  // The first fault that certainly ended this hold.
  const Fault *ended(const Hold &hold) const {
    return first(hold, [&](const Fault &f) { return f.begun > hold.granted; });
  }

  // The first fault that may have ended it.
  const Fault *maybe_ended(const Hold &hold) const {
    return first(hold, [&](const Fault &f) { return f.done > hold.asked; });
  }

  // The newest moment before `t` at which the node was frozen, or 0.
  std::int64_t frozen_until(std::uint32_t node, std::int64_t t) const {
    std::int64_t newest = 0;
    for (const Fault *fault : freezes_) {
      if (fault->begun < t && hits(*fault, node)) {
        newest = std::max(newest, std::min(fault->done, t));
      }
    }
    return newest;
  }

 private:
  bool hits(const Fault &fault, std::uint32_t node) const {
    return history_.strings.text(node).starts_with(
        history_.strings.text(fault.target));
  }

  template <typename Suits>
  const Fault *first(const Hold &hold, Suits suits) const {
    const Fault *found = nullptr;
    const auto consider = [&](const Fault *fault) {
      if (suits(*fault) && (found == nullptr || fault->begun < found->begun)) {
        found = fault;
      }
    };
    const auto [from, to] = by_pid_.equal_range(hold.pid);
    for (auto i = from; i != to; ++i) {
      consider(i->second);
    }
    for (const Fault *fault : wide_) {
      if (hits(*fault, hold.node)) {
        consider(fault);
      }
    }
    return found;
  }

  const History &history_;
  std::multimap<std::int32_t, const Fault *> by_pid_;
  std::vector<const Fault *> wide_;
  std::vector<const Fault *> freezes_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_HARNESS_CHECKER_FAULT_INDEX_HPP_
