// Which fault of a history ended which hold, and which client was frozen when.

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_FAULT_INDEX_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_FAULT_INDEX_HPP_

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "checker/timeline.hpp"

namespace harness {

// The faults that ended holds or froze clients, found by hold.
// The client could not tell which backend holds its lock.
inline constexpr std::int32_t kUnknownBackend = -1;

// The lock is a lease.  No fault of a session or of the server ends it before
// its time.
inline constexpr std::int32_t kNoBackend = -2;

class FaultIndex {
 public:
  FaultIndex(const History &history, const Timeline &timeline)
      : history_(history) {
    for (const Fault &fault : timeline.faults) {
      if (fault.freezes) {
        freezes_.push_back(&fault);
      } else if (fault.kills) {
        kills_.push_back(&fault);
      } else if (fault.cuts) {
        cuts_.push_back(&fault);
      } else if (fault.ends && fault.pid != 0) {
        by_pid_.emplace(fault.pid, &fault);
      } else if (fault.ends) {
        wide_.push_back(&fault);
      }
    }
  }

  // The first fault that certainly ended this hold.
  const Fault *ended(const Hold &hold) const {
    const Fault *first = nullptr;
    for (const Fault *fault : of(hold)) {
      if (fault->begun > hold.granted && hold.pid != kUnknownBackend &&
          (first == nullptr || fault->begun < first->begun)) {
        first = fault;
      }
    }
    return first;
  }

  // The faults that may have ended it before `t`.
  std::vector<const Fault *> maybe_ended(const Hold &hold,
                                         std::int64_t t) const {
    std::vector<const Fault *> found = of(hold);
    std::erase_if(found, [&](const Fault *fault) {
      return fault->done <= hold.asked || fault->begun > t;
    });
    return found;
  }

  // Was the client killed before `t`?  Its connections are closed a moment
  // before it is seen to be dead.
  bool killed(std::uint32_t node, std::int64_t t) const {
    return std::ranges::any_of(kills_, [&](const Fault *fault) {
      return fault->begun < t && hits(*fault, node);
    });
  }

  // Was the client cut off while it had this hold, before `t`?  It notices when
  // it looks next; only its belief ends in time.
  bool cut_off(const Hold &hold, std::int64_t t) const {
    return std::ranges::any_of(cuts_, [&](const Fault *fault) {
      return fault->begun < t && fault->done > hold.asked &&
             hits(*fault, hold.node);
    });
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
  // A target is a node, a process of several nodes ("facade-1.2"), or ends
  // with a dash and is a kind of nodes.
  bool hits(const Fault &fault, std::uint32_t node) const {
    const std::string &target = history_.strings.text(fault.target);
    const std::string &name = history_.strings.text(node);
    return name.starts_with(target) &&
           (name.size() == target.size() || target.empty() ||
            target.ends_with('-') || name[target.size()] == '/');
  }

  // Those that hit this hold's backend, its node, or the whole server.
  std::vector<const Fault *> of(const Hold &hold) const {
    std::vector<const Fault *> found;
    if (hold.pid == kNoBackend) {
      return found;
    }
    const bool unknown = hold.pid == kUnknownBackend;
    const auto from = unknown ? by_pid_.begin() : by_pid_.lower_bound(hold.pid);
    const auto to = unknown ? by_pid_.end() : by_pid_.upper_bound(hold.pid);
    for (auto i = from; i != to; ++i) {
      found.push_back(i->second);
    }
    for (const Fault *fault : wide_) {
      if (hits(*fault, hold.node)) {
        found.push_back(fault);
      }
    }
    return found;
  }

  const History &history_;
  std::multimap<std::int32_t, const Fault *> by_pid_;
  std::vector<const Fault *> wide_;
  std::vector<const Fault *> freezes_;
  std::vector<const Fault *> kills_;
  std::vector<const Fault *> cuts_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_FAULT_INDEX_HPP_
