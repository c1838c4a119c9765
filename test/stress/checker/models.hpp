// What a correct lock service may answer, and what not: one function per
// promise, each linear or n log n in the number of events.

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_MODELS_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_MODELS_HPP_

#include <cstdint>
#include <vector>

#include "checker/timeline.hpp"

namespace harness {

struct Promises {
  // How long a client may go on believing in a hold that the server ended by
  // itself (terminated backend, crash, failover).  Nanoseconds.
  std::int64_t report_bound = INT64_C(1000000000);
};

using Violations = std::vector<Violation>;

// "exclusion": two holds that exclude each other certainly existed at once.
// Reader-writer: shared holds exclude only exclusive ones.
void check_exclusion(const Timeline &timeline, Violations &violations);

// "permits": more permits of a semaphore certainly held at once than there
// are, or one permit twice.
void check_permits(const Timeline &timeline, Violations &violations);

// "token-order": a token that is not larger than that of an earlier grant of
// the same name.
void check_tokens(const Timeline &timeline, Violations &violations);

// "fence-order": the resource accepted an older token after a newer one, or
// refused the token of a certain holder.  "lost-update": two accepted writes
// left the same value, or a later one a smaller.
void check_writes(const Timeline &timeline, Violations &violations);

// "late-loss": a client believed in a hold while another certainly had it, or
// longer than the report bound after the server had ended it.  "lease": it
// believed longer than its lease after the last good beat.  "witness": two
// clients, or one more than there are permits, met at the resource, and no
// fault explains it.
void check_beliefs(const History &history, const Timeline &timeline,
                   const Promises &promises, Violations &violations);

// "ended-but-held": a good release or beat of a hold that a fault had ended.
void check_ended(const History &history, const Timeline &timeline,
                 Violations &violations);

// "once": a slot that ran twice, a run that was reported and left nothing, or
// was denied and left something.  Two runs are no violation when a fault
// between them forgets commits (an asynchronous standby was promoted).
// "lost-update": two runs under the lock left the same value.
void check_runs(const History &history, const Timeline &timeline,
                Violations &violations);

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_MODELS_HPP_
