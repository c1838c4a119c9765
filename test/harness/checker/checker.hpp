// Judges a history by all models.

#ifndef PG_EXCLUSIVE_TEST_HARNESS_CHECKER_CHECKER_HPP_
#define PG_EXCLUSIVE_TEST_HARNESS_CHECKER_CHECKER_HPP_

#include <iosfwd>
#include <map>
#include <string>

#include "checker/models.hpp"

namespace harness {

struct Verdict {
  Violations violations;
  std::uint64_t operations = 0;
  std::uint64_t determinate = 0;
  std::uint64_t grants = 0;
  std::uint64_t writes = 0;
  std::uint64_t successful_runs = 0;
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

#endif  // PG_EXCLUSIVE_TEST_HARNESS_CHECKER_CHECKER_HPP_
