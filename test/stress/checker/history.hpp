// A history: what every process of a run did and was told, one JSON object per
// line, appended by all processes to one file and read back by the checker.
//
//   {"t":81724,"node":"sql-3.1","op":"acquire","ev":"ok","name":"jobs/a",
//    "mode":"exclusive","token":4294967301,"pid":4711}
//
// `t` is CLOCK_MONOTONIC in nanoseconds, which all processes of one machine
// share.  An operation is an `invoke` and one of `ok` (it happened), `fail` (it
// certainly did not) or `unknown` (nobody can tell).  A process that dies
// leaves an invoke without an end, which reads as unknown.

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_HISTORY_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_HISTORY_HPP_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace harness {

enum class Op : std::uint8_t {
  kAcquire,  // ask for a lock; ok carries token, backend pid, lease
  kRelease,  // give it back; fail: it was not held any more
  kBeat,     // ask the server whether the lock is still held
  kBelieve,  // a moment at which the client said "I hold it"
  kLost,     // a moment at which the client said "I have lost it"
  kTold,     // hold::lost() told of a loss; fail: it did not in time
  kRaise,    // read the resource and raise its fence to our token
  kWrite,    // fenced write to the resource; ok carries the value written
  kWitness,  // look whether somebody else is inside; fail: `target` are
  kRun,      // a run that is to succeed once per slot
  kEffect,   // what a run left behind: read at the end, or told as it runs
  kFault,    // what the nemesis did: `name`; see Event::slot and target
};

enum class Ev : std::uint8_t { kInvoke, kOk, kFail, kUnknown };

enum class Mode : std::uint8_t { kExclusive, kShared, kPermit };

// Strings are kept once; an event holds their numbers.  0 is the empty string.
class Strings {
 public:
  Strings();
  std::uint32_t number(std::string_view text);
  std::uint32_t find(std::string_view text) const;  // 0: not there
  const std::string &text(std::uint32_t number) const;
  std::size_t size() const { return texts_.size(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>
      numbers_;
};

struct Event {
  std::int64_t t = 0;  // nanoseconds, CLOCK_MONOTONIC
  Op op = Op::kAcquire;
  Ev ev = Ev::kInvoke;
  Mode mode = Mode::kExclusive;
  std::uint32_t node = 0;
  std::uint32_t name = 0;
  std::uint32_t slot = 0;    // a fault: "ends" holds, "forgets" commits too,
                             // "freezes", "kills" or "cuts" off a client, or
                             // nothing
  std::uint32_t target = 0;  // a fault: whom, the beginning of a node's name;
                             // a witness: who is inside, between spaces
  std::int64_t token = 0;    // 0: none
  std::int64_t value = 0;    // what was written; a permit's number, 0: unknown
  std::int64_t limit = 0;    // how many permits there are
  std::int64_t lease = 0;    // nanoseconds of belief that a good beat allows
  std::int32_t pid = 0;      // backend; a fault: the one it hits, 0: not one
};

struct History {
  Strings strings;
  std::vector<Event> events;  // sorted by time, after load() and sort()

  void sort();
};

// Reads a file of events.  Throws std::runtime_error naming the line of what
// cannot be read.
History load(const std::string &path);

std::string_view to_string(Op op);
std::string_view to_string(Ev ev);
std::string_view to_string(Mode mode);

// CLOCK_MONOTONIC in nanoseconds.
std::int64_t now();

// What a process wants written; empty strings and zeros are left out.
struct Line {
  std::int64_t t = 0;  // 0: now
  std::string node = {};
  Op op = Op::kAcquire;
  Ev ev = Ev::kInvoke;
  std::string name = {};
  Mode mode = Mode::kExclusive;
  std::string slot = {};
  std::string target = {};
  std::int64_t token = 0;
  std::int64_t value = 0;
  std::int64_t limit = 0;
  std::int64_t lease = 0;
  std::int32_t pid = 0;
};

// Appends events to a file, one write(2) each, so that processes can share the
// file and a kill loses nothing that was recorded.  Throws std::system_error.
class Recorder {
 public:
  Recorder(const std::string &path, std::string node);
  ~Recorder();
  Recorder(const Recorder &) = delete;
  Recorder &operator=(const Recorder &) = delete;

  // The node is filled in.
  void record(const Line &line);
  const std::string &node() const { return node_; }

 private:
  int fd_;
  std::string node_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_HISTORY_HPP_
