// A file descriptor with one owner.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace pg_exclusive::cli {

/// Returns `result`, or throws std::system_error from errno if it is negative.
template <typename T>
T check_errno(T result, const char *what) {
  if (result < 0) {
    throw std::system_error{errno, std::generic_category(), what};
  }
  return result;
}

/// Closes its descriptor when it goes out of scope.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_{fd} {}
  unique_fd(unique_fd &&other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  unique_fd &operator=(unique_fd &&other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  unique_fd(const unique_fd &) = delete;
  unique_fd &operator=(const unique_fd &) = delete;
  ~unique_fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) {
      close(fd_);
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace pg_exclusive::cli
