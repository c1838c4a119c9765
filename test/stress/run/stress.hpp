// A whole run: server, nodes, nemesis, verdict.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_STRESS_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_STRESS_HPP_

#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "checker/checker.hpp"

namespace harness {

struct StressOptions {
  std::string program;    // ourselves
  std::string directory;  // for history, resource, logs
  std::string conninfo;   // of a server that is not ours to break; "": it is
  std::string tool;       // the command line; empty: no such nodes
  std::string clock_library;  // libfaketime; empty: no such fault
  std::set<std::string> faults;
  std::set<std::string> kinds;  // of nodes
  int nodes = 2;  // of each kind; there are more far away and behind a pooler
  int names = 4;  // of locks to fight for
  std::int64_t seconds = 60;
  std::uint64_t seed = 1;
  std::int64_t lease_ms = 2000;
  std::int64_t report_bound_ms = 1000;
  // Of each fault; 0: the run need prove nothing.  -1: 20 in ten minutes, fewer
  // in a shorter run, which goes on for up to three times as long until it has
  // them.
  int least_hits = -1;
  double least_determinate = 0.9;
};

// Runs, judges, prints.  Returns 0 when nothing was found and the run proves
// something, 1 otherwise.
int stress(StressOptions options, std::ostream &out);

// The faults and nodes that the machine does not allow are taken out of
// `options`; returns why, a line each.
std::vector<std::string> leave_out_impossible(StressOptions &options);

// Judges and prints.  Returns what stress() returns.
int report(const StressOptions &options, const std::string &history_file,
           const std::vector<std::string> &notes, std::ostream &out);

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_STRESS_HPP_
