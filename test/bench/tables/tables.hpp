// The tables: each measures its variants, adds itself to the report and judges
// its targets.

#ifndef PG_EXCLUSIVE_TEST_BENCH_TABLES_TABLES_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_TABLES_TABLES_HPP_

#include <algorithm>
#include <chrono>

#include "placement.hpp"
#include "report.hpp"

namespace bench {

// How much to do.
struct effort {
  int rounds = 15;
  bool smoke = false;  // only to see that everything works

  // So many, or a few.
  [[nodiscard]] int count(int full) const {
    return smoke ? std::max(2, full / 50) : full;
  }
  // So many rounds of those that take long.
  [[nodiscard]] int some_rounds() const { return std::max(1, rounds / 3); }
  [[nodiscard]] std::chrono::milliseconds time(int full) const {
    return std::chrono::milliseconds(smoke ? std::max(20, full / 50) : full);
  }
};

// One lock, one client: take it, free it.  T1, T2, T3.
void one(report &to, const effort &how, placement where);
// A task under a lock, in one statement.  T10.
void task(report &to, const effort &how);
// Many threads, each with locks of its own.  T4, T5, T5b.
void threads(report &to, const effort &how);
// From one holder to the next.  T6, T7.
void hand_off(report &to, const effort &how);
// One more lock when there are many; many at once.  T8, T9.
void one_more(report &to, const effort &how);
void many_at_once(report &to, const effort &how);
// Beside 100,000 locks of others; 1,000 sessions that wait.  T16, T17.
void beside_others(report &to, const effort &how);
void crowd(report &to, const effort &how);
// Seeing who holds what.  T12.
void reading(report &to, const effort &how);
void beside_reading(report &to, const effort &how);
// What is written, and what idling costs.  T11, T13.
void written(report &to, const effort &how);
void idle(report &to, const effort &how);

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_TABLES_TABLES_HPP_
