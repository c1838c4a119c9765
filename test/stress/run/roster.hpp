// The node processes of a run: started, killed, and started again under a new
// number, because a node that died must not be mistaken for its successor.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_ROSTER_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_ROSTER_HPP_

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "nodes/node.hpp"

namespace harness {

// A place in the roster, and what stands in it now.
struct Place {
  NodeOptions options;  // `name` without the number of the incarnation
  std::string network;
  std::map<std::string, std::string> environment;
  pid_t pid = 0;
  int incarnation = 0;

  std::string node() const {
    return options.name + "." + std::to_string(incarnation);
  }
};

class Roster {
 public:
  explicit Roster(std::string program, std::string log)
      : program_(std::move(program)), log_(std::move(log)) {}
  ~Roster();
  Roster(const Roster &) = delete;
  Roster &operator=(const Roster &) = delete;

  void add(Place place);
  // Starts again what is not running.
  void revive();
  // Tells all to end, and waits for it; kills what does not.
  void end();

  const std::vector<Place> &places() const { return places_; }
  // A node that died though nobody killed it.
  const std::vector<std::string> &accidents() const { return accidents_; }

  // The node; where it drives the tool, all processes of the tool, but not the
  // command that the tool runs.
  std::vector<pid_t> client_processes(std::size_t place) const;

  // Sends a signal to the node, or to one process of the tool that it drives.
  // Returns the pid, 0 if there is none.
  pid_t signal(std::size_t place, int number, Dice &dice);

 private:
  void start(Place &place);

  std::string program_;
  std::string log_;
  std::vector<Place> places_;
  std::vector<std::string> accidents_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_ROSTER_HPP_
