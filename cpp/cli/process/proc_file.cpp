#include "process/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace pg_exclusive::cli {

unique_fd open_proc_file(pid_t pid, const char *name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  return unique_fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
}

// No stream: one that reads the file of a process that goes meanwhile throws.
std::string read_proc_file(const unique_fd &file) {
  std::string text;
  std::array<char, 4096> part{};
  ssize_t got = 0;
  while (file && (got = pread(file.get(), part.data(), part.size(),
                              static_cast<off_t>(text.size()))) > 0) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return got < 0 ? std::string{} : text;
}

std::string read_proc_file(pid_t pid, const char *name) {
  return read_proc_file(open_proc_file(pid, name));
}

}  // namespace pg_exclusive::cli
