#include "process/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace pg_exclusive::cli {

namespace {

/// Does this error mean that there is no such process (any more)?
bool means_gone(int error) { return error == ENOENT || error == ESRCH; }

}  // namespace

unique_fd open_proc_file(pid_t pid, const char *name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  unique_fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && !means_gone(errno)) {
    check_errno(-1, "could not look at a process in /proc");
  }
  return file;
}

std::string read_proc_file(const unique_fd &file) {
  std::string text;
  std::array<char, 4096> part{};
  ssize_t got = 0;
  while (file && (got = pread(file.get(), part.data(), part.size(),
                              static_cast<off_t>(text.size()))) > 0) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  if (got < 0 && !means_gone(errno)) {
    check_errno(-1, "could not read from /proc");
  }
  return got < 0 ? std::string{} : text;
}

std::string read_proc_file(pid_t pid, const char *name) {
  return read_proc_file(open_proc_file(pid, name));
}

}  // namespace pg_exclusive::cli
