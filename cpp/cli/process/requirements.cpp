#include "process/requirements.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/unique_fd.hpp"
#include "process/process_tree.hpp"
#include "process/signals.hpp"

namespace pg_exclusive::cli {

namespace {

/// The front and the guard each have fewer than this open during a run, with
/// TLS and a file of certificates.
constexpr int descriptors_needed = 32;

std::string because(const std::string &what) {
  return what + ": " + std::strerror(errno);
}

/// This process as /proc names it; 0 if /proc does not show it.
pid_t own_pid_in_proc() {
  std::array<char, 32> target{};
  pid_t pid = 0;
  const auto length = readlink("/proc/self", target.data(), target.size());
  if (length > 0) {
    std::from_chars(target.data(), target.data() + length, pid);
  }
  return pid;
}

}  // namespace

std::optional<std::string> missing_process_control() {
  const pid_t shown = own_pid_in_proc();
  if (shown == 0) {
    return because("/proc is not mounted or cannot be read");
  }
  if (shown != getpid()) {
    return "/proc shows another PID namespace; mount one that belongs to this "
           "one (unshare --mount-proc)";
  }
  try {
    (void)descendants();
  } catch (const std::system_error &error) {
    return error.what();
  }
  const unique_fd self = open_pidfd(getpid());
  if (!self) {
    return because("the kernel or a seccomp profile refuses pidfd_open()");
  }
  if (!send_signal(self, 0)) {
    return because(
        "the kernel or a seccomp profile refuses pidfd_send_signal()");
  }
  return std::nullopt;
}

void check_descriptors() {
  std::vector<unique_fd> spare;
  for (int i = 0; i < descriptors_needed; ++i) {
    spare.emplace_back(
        check_errno(open("/dev/null", O_RDONLY | O_CLOEXEC),
                    "the tool needs 32 free file descriptors (ulimit -n)"));
  }
}

}  // namespace pg_exclusive::cli
