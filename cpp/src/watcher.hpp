// Sees that a connection was closed, and that a lease has run out.
//
// A thread that never blocks on anything but its own poll: it touches no PGconn
// and calls nobody's code; its only act on a session of another thread is
// shutdown() of the socket, which makes that thread's reading end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace pg_exclusive::detail {

class session;

class watcher {
 public:
  watcher();
  watcher(const watcher &) = delete;
  watcher &operator=(const watcher &) = delete;
  ~watcher();

  void add(const std::shared_ptr<session> &s);
  // Before the socket is closed.
  void forget(const session &s);
  // Ends both directions of the socket, if it is still open.
  void shut(const session &s);
  // The deadline of some session is nearer than it was.
  void rearm();
  void stop();

  // Around fork(): nothing changes meanwhile; in the child every socket becomes
  // /dev/null, so that nothing it does reaches the server.
  void lock_for_fork() { access_.lock(); }
  void unlock_after_fork() { access_.unlock(); }
  void cut_off_child();

 private:
  struct watched {
    int socket;
    std::weak_ptr<session> who;
  };

  void run();
  void closed(std::uint64_t id);
  void check_deadlines();

  int epoll_ = -1;
  int timer_ = -1;
  int wake_ = -1;
  std::atomic<bool> stopping_{false};
  std::mutex access_;
  std::uint64_t next_id_ = 2;                               // under access_
  std::unordered_map<std::uint64_t, watched> sessions_;     // under access_
  std::unordered_map<const session *, std::uint64_t> ids_;  // under access_
  std::thread thread_;
};

}  // namespace pg_exclusive::detail
