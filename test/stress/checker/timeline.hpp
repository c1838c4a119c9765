// A history read as what the models speak about: holds with the moments at
// which they certainly existed, writes, runs, faults.
//
// Nothing here guesses.  A hold certainly exists from the moment its grant was
// answered to the moment the last question that the server answered with "yes"
// was *asked*: a good beat or a good release.  Before and after that it may
// exist, and no rule is built on "may".

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_TIMELINE_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_TIMELINE_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checker/history.hpp"

namespace harness {

// Where an event stands in History::events.
using Index = std::uint32_t;

struct Hold {
  std::uint32_t node = 0;
  std::uint32_t name = 0;
  Mode mode = Mode::kExclusive;
  std::int64_t token = 0;
  std::int64_t permit = 0;  // number of the permit, of `limit`
  std::int64_t limit = 0;
  std::int64_t lease = 0;
  std::int32_t pid = 0;
  std::int64_t asked = 0;    // when the grant was asked for
  std::int64_t granted = 0;  // when the grant was answered
  std::int64_t until = 0;    // newest moment at which it certainly existed;
                             // `asked` when nothing ever confirmed it
  std::int64_t beat = 0;     // when the newest good beat was asked for
  Index grant_event = 0;
  Index until_event = 0;

  // Certain for some time, not only granted at some moment.
  bool confirmed() const { return until > granted; }
};

// A moment at which a client believed in a hold, and by which beat.
struct Belief {
  std::int64_t t = 0;
  std::int64_t beat = 0;
  Index hold = 0;
  Index event = 0;
};

// An accepted or refused use of the fenced resource.
struct Write {
  std::uint32_t node = 0;
  std::uint32_t name = 0;
  Op op = Op::kWrite;
  bool accepted = false;
  std::int64_t token = 0;
  std::int64_t value = 0;
  std::int64_t asked = 0;
  std::int64_t answered = 0;
  std::optional<Index> hold;  // of the same node, with the same token
  Index event = 0;
};

struct Run {
  std::uint32_t name = 0;
  std::uint32_t slot = 0;
  Ev outcome = Ev::kUnknown;
  bool effect = false;     // not an answer, but what the run left behind
  std::int64_t value = 0;  // of an effect: what was written, if anything
  std::int64_t asked = 0;  // when
  std::int64_t answered = 0;
  Index event = 0;
};

struct Fault {
  std::uint32_t name = 0;
  std::uint32_t target = 0;
  std::int32_t pid = 0;
  bool ends = false;     // the server's side of a hold
  bool forgets = false;  // commits that were answered before
  bool freezes = false;  // the client
  bool kills = false;    // the client
  bool cuts = false;     // the client off from the server
  std::int64_t begun = 0;
  std::int64_t done = 0;
  Index event = 0;
};

// `node` met at the resource whom it must not.
struct Witness {
  std::uint32_t node = 0;
  std::uint32_t name = 0;
  Mode mode = Mode::kExclusive;
  std::vector<std::uint32_t> others;
  std::int64_t t = 0;
  Index event = 0;
};

struct Violation {
  std::string rule;
  std::string text;
  std::vector<Index> events;  // those that contradict each other
};

struct Timeline {
  std::vector<Hold> holds;
  std::vector<Belief> beliefs;
  std::vector<Write> writes;
  std::vector<Run> runs;
  std::vector<Fault> faults;
  std::vector<Witness> witnesses;
  bool effects_read = false;
  std::uint64_t operations = 0;   // invoked, faults and moments not counted
  std::uint64_t determinate = 0;  // of these, ended ok or fail
};

// Reads the sorted history.  What contradicts itself already here (an answer
// without a question, a release by somebody who holds nothing, a lock that is
// still held after its acquire failed) goes to `violations`.
Timeline read_timeline(const History &history,
                       std::vector<Violation> &violations);

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_TIMELINE_HPP_
