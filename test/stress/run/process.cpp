#include "run/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace harness {
namespace {

constexpr int kCannotStart = 127;

// Everything here runs in the child; false: it did not work.
bool become(const Command &command, const passwd *user) {
  if (command.new_session && setsid() < 0) {
    return false;
  }
  if (!command.network.empty()) {
    const std::string path = "/run/netns/" + command.network;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
      return false;
    }
  }
  if (!command.output.empty()) {
    const int fd = open(command.output.c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
      return false;
    }
  }
  if (user != nullptr && user->pw_uid != getuid() &&
      (initgroups(user->pw_name, user->pw_gid) != 0 ||
       setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    return false;
  }
  for (const auto &[name, value] : command.setenv) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  // After the change of user, which forgets it.
  return !command.die_with_us || prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

[[noreturn]] void become_child(const Command &command, const passwd *user,
                               char *const *arguments) {
  if (signal(SIGTERM, SIG_DFL) != SIG_ERR &&
      signal(SIGINT, SIG_DFL) != SIG_ERR && become(command, user)) {
    execvp(arguments[0], arguments);
  }
  _exit(kCannotStart);
}

}  // namespace

pid_t start(const Command &command) {
  std::vector<char *> arguments;
  for (const std::string &argument : command.arguments) {
    arguments.push_back(const_cast<char *>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const passwd *user =
      command.user.empty() ? nullptr : getpwnam(command.user.c_str());
  const pid_t pid = fork();
  if (pid < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (pid == 0) {
    become_child(command, user, arguments.data());
  }
  return pid;
}

int run(const Command &command) {
  const pid_t pid = start(command);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  constexpr int kSignalled = 128;
  return WIFEXITED(status) ? WEXITSTATUS(status)
                           : kSignalled + WTERMSIG(status);
}

void must_run(const Command &command) {
  if (const int status = run(command); status != 0) {
    std::string text;
    for (const std::string &argument : command.arguments) {
      text += argument + ' ';
    }
    throw std::runtime_error(text + "ended with status " +
                             std::to_string(status));
  }
}

bool alive(pid_t pid) {
  if (kill(pid, 0) != 0) {
    return false;
  }
  // A zombie is not alive, whoever its parent is.
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t end = text.rfind(')');
  return end != std::string::npos && text.compare(end + 2, 1, "Z") != 0;
}

bool wait_until(const std::function<bool()> &condition,
                std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
  return true;
}

std::vector<pid_t> descendants(pid_t pid) {
  std::vector<pid_t> found;
  const std::string id = std::to_string(pid);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  for (pid_t child = 0; children >> child;) {
    found.push_back(child);
    for (const pid_t below : descendants(child)) {
      found.push_back(below);
    }
  }
  return found;
}

}  // namespace harness
