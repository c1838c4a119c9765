// How busy the machine is with other things.

#ifndef PG_EXCLUSIVE_TEST_BENCH_CALM_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_CALM_HPP_

#include <string>

namespace bench {

// Waits until nothing else runs, for PATIENCE seconds (a setting; 0) at most,
// and notes how many processes ran then.  Nothing of ours may be running.
void await_calm();

// What was noted, e.g. "0 (0–3)".
std::string others_running();

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_CALM_HPP_
