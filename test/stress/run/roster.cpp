#include "run/roster.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <system_error>

#include "run/process.hpp"

namespace harness {

Roster::~Roster() {
  for (const Place &place : places_) {
    if (place.pid != 0) {
      for (const pid_t below : descendants(place.pid)) {
        kill(below, SIGKILL);
      }
      kill(place.pid, SIGKILL);
      waitpid(place.pid, nullptr, 0);
    }
  }
}

void Roster::start(Place &place) {
  ++place.incarnation;
  const NodeOptions &options = place.options;
  Command command;
  command.arguments = {
      program_,
      "node",
      "--kind",
      options.kind,
      "--name",
      place.node(),
      "--conninfo",
      options.conninfo,
      "--history",
      options.history,
      "--resource",
      options.resource,
      "--seed",
      std::to_string(options.seed * 1000 +
                     static_cast<std::uint64_t>(place.incarnation)),
      "--lease",
      std::to_string(options.lease_ms),
      "--names",
      std::to_string(options.names)};
  const auto add = [&command](bool wanted, const char *flag) {
    if (wanted) {
      command.arguments.emplace_back(flag);
    }
  };
  add(options.discard, "--discard");
  add(options.timeouts, "--timeouts");
  add(options.pooler, "--pooler");
  if (!options.tool.empty()) {
    command.arguments.insert(command.arguments.end(), {"--tool", options.tool});
  }
  command.network = place.network;
  command.setenv = place.environment;
  command.output = log_;
  command.die_with_us = false;  // a node watches its parent itself
  // The kernel hangs up a process group with a stopped member when it loses
  // its last link to its session; ours must not be that group.
  command.new_session = true;
  place.pid = harness::start(command);
}

void Roster::add(Place place) {
  start(place);
  places_.push_back(std::move(place));
}

void Roster::revive() {
  for (Place &place : places_) {
    int status = 0;
    if (waitpid(place.pid, &status, WNOHANG) != place.pid) {
      continue;
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
      accidents_.push_back(
          place.node() +
          (WIFSIGNALED(status)
               ? " died of signal " + std::to_string(WTERMSIG(status))
               : " ended with status " + std::to_string(WEXITSTATUS(status))));
    }
    start(place);
  }
}

void Roster::end() {
  for (const Place &place : places_) {
    kill(place.pid, SIGCONT);
    kill(place.pid, SIGTERM);
  }
  for (Place &place : places_) {
    const bool ended = wait_until(
        [&] { return waitpid(place.pid, nullptr, WNOHANG) == place.pid; },
        std::chrono::seconds(15));
    if (!ended) {
      accidents_.push_back(place.node() + " did not end when told to");
      kill(place.pid, SIGKILL);
      waitpid(place.pid, nullptr, 0);
    }
    place.pid = 0;
  }
}

std::vector<pid_t> Roster::client_processes(std::size_t place) const {
  const pid_t node = places_[place].pid;
  if (places_[place].options.kind != "cli") {
    return {node};
  }
  std::error_code error;
  const auto tool =
      std::filesystem::canonical(places_[place].options.tool, error);
  std::vector<pid_t> found = descendants(node);
  std::erase_if(found, [&](pid_t pid) {
    return std::filesystem::read_symlink(
               "/proc/" + std::to_string(pid) + "/exe", error) != tool;
  });
  return found;
}

pid_t Roster::signal(std::size_t place, int number, Dice &dice) {
  pid_t target = places_[place].pid;
  if (places_[place].options.kind == "cli") {
    const std::vector<pid_t> tool = descendants(target);
    if (tool.empty()) {
      return 0;
    }
    target = tool[static_cast<std::size_t>(
        dice.roll(0, static_cast<std::int64_t>(tool.size()) - 1))];
  }
  return kill(target, number) == 0 ? target : 0;
}

}  // namespace harness
