#include "placement.hpp"

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

std::vector<pid_t> &servers() {
  static std::vector<pid_t> all;
  return all;
}

// The first two cores that we were given.
const std::vector<int> &cores() {
  static const std::vector<int> ours = [] {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
      throw std::runtime_error("could not ask for our cores");
    }
    std::vector<int> found;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) found.push_back(core);
    }
    return found;
  }();
  return ours;
}

std::filesystem::path tasks_of(pid_t process) {
  return "/proc/" + std::to_string(process) + "/task";
}

// Tasks may end while we look.
template <class F>
void for_each_task(pid_t process, F &&act) {
  std::error_code gone;
  std::filesystem::directory_iterator task(tasks_of(process), gone);
  for (; !gone && task != std::filesystem::directory_iterator();
       task.increment(gone)) {
    act(task->path());
  }
}

std::vector<pid_t> children(pid_t process) {
  std::vector<pid_t> all;
  for_each_task(process, [&](const std::filesystem::path &task) {
    std::ifstream list(task / "children");
    for (pid_t child = 0; list >> child;) all.push_back(child);
  });
  return all;
}

// Each backend is a session of its own, and the kernel shares processors out
// among sessions: so each is told.
void prioritize(pid_t process) {
  const char *nice = std::getenv("PRIORITY");
  if (nice == nullptr) return;
  std::ofstream("/proc/" + std::to_string(process) + "/autogroup") << nice;
}

void place_tree(pid_t process, int core_index) {
  place_process(process, core_index);
  prioritize(process);
  for (const pid_t child : children(process)) place_tree(child, core_index);
}

}  // namespace

void remember_servers(std::vector<pid_t> all) { servers() = std::move(all); }

bool can_cross() { return cores().size() > 1; }

void place_process(pid_t process, int core_index) {
  cpu_set_t where;
  CPU_ZERO(&where);
  CPU_SET(cores().at(static_cast<std::size_t>(core_index)), &where);
  for_each_task(process, [&](const std::filesystem::path &task) {
    sched_setaffinity(std::stoi(task.filename()), sizeof(where), &where);
  });
}

void place(placement where) {
  place_process(getpid(), 0);
  prioritize(getpid());
  for (const pid_t server : servers()) {
    place_tree(server, where == placement::same ? 0 : 1);
  }
}

double processor_seconds(pid_t process) {
  double nanoseconds = 0;
  for_each_task(process, [&](const std::filesystem::path &task) {
    double used = 0;
    std::ifstream(task / "schedstat") >> used;
    nanoseconds += used;
  });
  return nanoseconds / 1e9;
}

}  // namespace bench
