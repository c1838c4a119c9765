#include "process/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "process/unique_fd.hpp"

namespace pg_exclusive::cli {

// No stream: one that reads the file of a process that goes meanwhile throws.
std::string read_proc_file(pid_t pid, const char *name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const unique_fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  std::array<char, 4096> part{};
  ssize_t got = 0;
  while (file && (got = read(file.get(), part.data(), part.size())) > 0) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return got < 0 ? std::string{} : text;
}

}  // namespace pg_exclusive::cli
