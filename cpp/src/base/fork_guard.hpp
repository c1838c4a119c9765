// What a forked child must not have: the sockets of its parent.
//
// A child has copies of its parent's sockets.  If it wrote to one, or kept it
// open, it would end its parent's session or keep its parent's lock.  So in the
// child each registered socket becomes /dev/null, before it can do anything.
#pragma once

#include <sys/types.h>

namespace pg_exclusive::detail {

// While one of these lives, another thread that forks waits.  For the moment
// between the making of a socket and its registration.
class no_fork {
 public:
  no_fork();
  no_fork(const no_fork &) = delete;
  no_fork &operator=(const no_fork &) = delete;
  ~no_fork();
};

// While this lives, a forked child has /dev/null in place of this socket.
class parents_socket {
 public:
  explicit parents_socket(int socket);
  parents_socket(const parents_socket &) = delete;
  parents_socket &operator=(const parents_socket &) = delete;
  ~parents_socket();

  [[nodiscard]] int number() const noexcept { return number_; }
  // Does this number still mean this socket, and not another one that was
  // opened later?
  [[nodiscard]] bool is(int socket) const noexcept;
  // In a forked child.
  void replace_by(int null) const noexcept;

 private:
  const int number_;
  dev_t device_{};
  ino_t inode_{};
};

}  // namespace pg_exclusive::detail
