// Judges a history by all models.

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_CHECKER_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_CHECKER_HPP_

#include <array>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

#include "checker/models.hpp"

namespace harness {

// What the models had to judge.
struct Workload {
  std::array<std::uint64_t, 3> grants{};  // by mode
  std::uint64_t readers_together = 0;     // began beside another reader
  std::uint64_t semaphore_full = 0;       // took the last permit
  std::uint64_t second_runs = 0;          // denied, for the slot had its run

  std::uint64_t of(Mode mode) const {
    return grants.at(static_cast<std::size_t>(mode));
  }
};
Workload measure_workload(const Timeline &timeline);

struct Verdict {
  Violations violations;
  std::uint64_t operations = 0;
  std::uint64_t determinate = 0;
  std::uint64_t grants = 0;
  std::uint64_t writes = 0;
  std::uint64_t successful_runs = 0;
  Workload workload;
  std::map<std::string, std::uint64_t> hits;  // by fault
  // By fault that ended holds: how long it took, each time, until a lock that
  // was asked for afterwards was granted.  Nanoseconds, sorted.
  std::map<std::string, std::vector<std::int64_t>> recoveries;

  double determinate_share() const;
};

Verdict check(const History &history, const Promises &promises = {});

// The rule that was broken, the contradicting events marked, and between them
// what happened to the same lock, at most `lines` lines.
void print_window(std::ostream &out, const History &history,
                  const Violation &violation, std::size_t lines = 40);

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_CHECKER_HPP_
