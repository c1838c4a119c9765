// Child processes: started with what is asked for, found again below their
// parents, and never left behind.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_PROCESS_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_PROCESS_HPP_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace harness {

struct Command {
  std::vector<std::string> arguments;         // [0] is looked up in PATH
  std::map<std::string, std::string> setenv;  // beside what we have
  std::string user;                           // "" or ours: no change
  std::string network;                        // a named network namespace
  std::string output;                         // file, appended to; "": ours
  bool die_with_us = true;
  bool new_session = false;  // out of reach of signals to our process group
};

// Starts it and returns its pid.  Throws std::system_error; what goes wrong in
// the child ends it with status 127.
pid_t start(const Command &command);

// Runs it to its end and returns its status, as the shell gives it.
int run(const Command &command);

// The same for something that must work: throws std::runtime_error otherwise.
void must_run(const Command &command);

bool alive(pid_t pid);

// Waits until `condition` holds, at most so long; returns whether it does.
bool wait_until(const std::function<bool()> &condition,
                std::chrono::milliseconds patience);

// Everything below `pid`, parents first.
std::vector<pid_t> descendants(pid_t pid);

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_PROCESS_HPP_
