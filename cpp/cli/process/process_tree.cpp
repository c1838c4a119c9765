#include "process/process_tree.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

#include "process/proc_file.hpp"
#include "process/signals.hpp"

namespace pg_exclusive::cli {

namespace {

struct process_entry {
  process_id id;
  pid_t parent;
  char state;
};

/// Reads /proc/PID/stat. The name, in parentheses, may contain anything.
std::optional<process_entry> read_process(pid_t pid) {
  const std::string text = read_proc_file(pid, "stat");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields{text.substr(name_end + 1)};
  process_entry entry{{pid, 0}, 0, '?'};
  fields >> entry.state >> entry.parent;
  std::string skipped;
  for (int field = 5; field < 22; ++field) {
    fields >> skipped;
  }
  fields >> entry.id.start_time;
  return fields ? std::optional{entry} : std::nullopt;
}

std::multimap<pid_t, process_entry> processes_by_parent() {
  std::multimap<pid_t, process_entry> result;
  const std::unique_ptr<DIR, int (*)(DIR *)> dir{opendir("/proc"), closedir};
  check_errno(dir ? 0 : -1, "could not read /proc");
  while (const dirent *item = readdir(dir.get())) {
    const std::string name{item->d_name};
    pid_t pid = 0;
    const auto parsed =
        std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) {
      continue;
    }
    if (const auto entry = read_process(pid)) {
      result.emplace(entry->parent, *entry);
    }
  }
  return result;
}

}  // namespace

std::vector<process_id> descendants(const std::vector<process_id> &except) {
  const auto by_parent = processes_by_parent();
  // An empty /proc, or another namespace's, would look like "no process".
  if (!read_process(getpid())) {
    throw std::system_error{ENOENT, std::generic_category(),
                            "/proc does not show this process"};
  }
  std::vector<process_id> result;
  std::vector<pid_t> to_visit{getpid()};
  while (!to_visit.empty()) {
    const pid_t parent = to_visit.back();
    to_visit.pop_back();
    const auto [first, last] = by_parent.equal_range(parent);
    for (auto item = first; item != last; ++item) {
      const process_entry &entry = item->second;
      if (std::find(except.begin(), except.end(), entry.id) != except.end()) {
        continue;
      }
      to_visit.push_back(entry.id.pid);
      result.push_back(entry.id);
    }
  }
  return result;
}

bool is_stopped(pid_t pid) noexcept {
  try {
    const auto entry = read_process(pid);
    return entry && entry->state == 'T';
  } catch (const std::exception &) {
    return true;
  }
}

sent send_signal(const process_id &process, int number) {
  const unique_fd pidfd = open_pidfd(process.pid);
  const bool refused = !pidfd && errno != ESRCH;
  const auto now = read_process(process.pid);
  if (!now || now->id != process) {
    return sent::gone;
  }
  // Without a pidfd, the pid that was just compared has to do.
  const bool done =
      refused ? kill(process.pid, number) == 0 : send_signal(pidfd, number);
  if (done) {
    return sent::yes;
  }
  return errno == EPERM ? sent::forbidden : sent::gone;
}

}  // namespace pg_exclusive::cli
