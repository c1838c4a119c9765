#include "base/fork_guard.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace pg_exclusive::detail {
namespace {

struct guarded_sockets {
  std::mutex access;
  std::condition_variable made;
  int making = 0;                               // under access: no_fork
  std::vector<const parents_socket *> sockets;  // under access
};

// Never destroyed: a child may be forked while the process exits.
guarded_sockets &guarded() {
  static auto *const all = new guarded_sockets;
  return *all;
}

void before_fork() {
  std::unique_lock lock(guarded().access);
  guarded().made.wait(lock, [] { return guarded().making == 0; });
  static_cast<void>(lock.release());
}

void after_fork_in_parent() { guarded().access.unlock(); }

void after_fork_in_child() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const parents_socket *one : guarded().sockets) one->replace_by(null);
  close(null);
  guarded().sockets.clear();
  guarded().access.unlock();
}

void watch_forks() {
  static std::once_flag once;
  std::call_once(once, [] {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  });
}

}  // namespace

no_fork::no_fork() {
  watch_forks();
  const std::lock_guard guard(guarded().access);
  ++guarded().making;
}

no_fork::~no_fork() {
  const std::lock_guard guard(guarded().access);
  --guarded().making;
  guarded().made.notify_all();
}

parents_socket::parents_socket(int socket) : number_(socket) {
  watch_forks();
  struct stat found {};
  if (fstat(socket, &found) == 0) {
    device_ = found.st_dev;
    inode_ = found.st_ino;
  }
  const std::lock_guard guard(guarded().access);
  guarded().sockets.push_back(this);
}

parents_socket::~parents_socket() {
  const std::lock_guard guard(guarded().access);
  std::erase(guarded().sockets, this);
}

bool parents_socket::is(int socket) const noexcept {
  struct stat found {};
  return socket == number_ && fstat(socket, &found) == 0 &&
         found.st_dev == device_ && found.st_ino == inode_;
}

void parents_socket::replace_by(int null) const noexcept {
  if (is(number_)) dup3(null, number_, O_CLOEXEC);
}

}  // namespace pg_exclusive::detail
