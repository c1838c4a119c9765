// What all nodes share: their task, the random numbers that make a run
// repeatable, and the work they do under a lock.

#ifndef PG_EXCLUSIVE_TEST_STRESS_NODES_NODE_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_NODES_NODE_HPP_

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>

#include "checker/history.hpp"
#include "nodes/resource.hpp"

namespace harness {

inline constexpr const char *kNamespace = "harness";
// The semaphore that all fight for, and how many permits it has.
inline constexpr const char *kSemaphore = "permits";
inline constexpr int kPermits = 2;

struct NodeOptions {
  std::string kind;      // sql, xact, once, facade, cli, lease
  std::string name;      // in the history
  std::string conninfo;  // libpq
  std::string history;   // file
  std::string resource;  // directory
  std::string tool;      // the command line under test, for kind cli
  std::uint64_t seed = 1;
  std::int64_t lease_ms = 2000;
  int names = 4;          // how many locks there are to fight for
  bool discard = false;   // DISCARD ALL now and then
  bool timeouts = false;  // statement_timeout and lock_timeout now and then
  bool pooler = false;    // a pooler in session mode is in between
  std::string self;       // path of this program, for children
  int parent = 0;         // whose death ends us; 0: nobody's
};

// Random numbers that depend on the seed only.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  // `low` to `high`, both included.
  std::int64_t roll(std::int64_t low, std::int64_t high);
  bool chance(double probability);

 private:
  std::mt19937_64 engine_;
};

// A moment or operation of one lock, for the recorder.
Line line(Op op, Ev ev, std::string_view name, std::int64_t token = 0);

// What a client asks for next.
struct Wish {
  std::string key;
  Mode mode = Mode::kExclusive;

  std::string name() const { return std::string(kNamespace) + '/' + key; }
};
// One of so many locks, mostly exclusively; or a permit, when `permits`.
Wish draw_wish(Dice &dice, int names, bool permits);

// The slot of this moment: all clients try it, as every node's cron would.
std::string current_slot();

// What a client does under a lock: enters the resource, raises the fence, and
// writes a few times, as long as it believes in its hold.
class Work {
 public:
  struct Hold {
    std::string name;
    std::int64_t token = 0;
    Mode mode = Mode::kExclusive;  // kPermit: one of kPermits
    // Does the client believe in its hold?  No I/O.
    std::function<bool()> held;
    // Rests about so long; may ask the server.
    std::function<void(std::chrono::milliseconds)> rest;
  };

  Work(Recorder &recorder, std::string directory, Dice &dice)
      : recorder_(recorder), directory_(std::move(directory)), dice_(dice) {}

  // Returns true when the work ended with the hold still believed in; what was
  // lost is recorded.
  bool run(const Hold &hold);

 private:
  bool believe(const Hold &hold);
  void enter(const Hold &hold, Resource &resource);
  bool raise(const Hold &hold, Resource &resource, std::int64_t &value);
  bool write(const Hold &hold, Resource &resource, std::int64_t value);

  Recorder &recorder_;
  std::string directory_;
  Dice &dice_;
};

// Each works until it is told to end (SIGTERM) or the server is gone for good.
void run_sql_node(const NodeOptions &options);
void run_task_node(const NodeOptions &options);
void run_facade_node(const NodeOptions &options);
void run_cli_node(const NodeOptions &options);
int run_cli_child(const NodeOptions &options);

// We were told to end, or our parent is gone.
void listen_for_end(int parent);
bool told_to_end();

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_NODES_NODE_HPP_
