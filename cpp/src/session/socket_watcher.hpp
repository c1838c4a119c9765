// Sees that a connection was closed, and that a lease has run out.
//
// A thread that never blocks on anything but its own poll: it touches no PGconn
// and calls nobody's code; its only act on a session of another thread is
// shutdown() of the socket, which makes that thread's reading end.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class session;

class socket_watcher {
 public:
  socket_watcher();
  socket_watcher(const socket_watcher &) = delete;
  socket_watcher &operator=(const socket_watcher &) = delete;
  ~socket_watcher();

  void add(const std::shared_ptr<session> &s);
  // Before the socket is closed.
  void forget(const session &s);
  // Ends both directions of the socket, if it is still open.
  void shut(const session &s);
  // The deadline of some session is nearer than it was.
  void rearm();
  // All sessions end then at the latest, those of the future too.
  void end_all_at(boot_clock::time_point when);
  [[nodiscard]] boot_clock::time_point end_of_all() const noexcept {
    return boot_clock::time_point(boot_clock::duration(end_of_all_.load()));
  }

  // While this lives, and no session has the socket yet: it is shut down at a
  // deadline, so that whoever reads from it does not wait for ever.
  class limit {
   public:
    limit(socket_watcher &on, int socket, boot_clock::time_point until);
    limit(const limit &) = delete;
    limit &operator=(const limit &) = delete;
    ~limit();

   private:
    socket_watcher &on_;
    // libpq closes its socket whenever it likes; this one is ours.
    const int socket_;
    std::list<std::pair<int, boot_clock::time_point>>::iterator place_;
  };

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
  boot_clock::time_point check_limits(boot_clock::time_point now);

  int epoll_ = -1;
  int timer_ = -1;
  int wake_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> end_of_all_{INT64_MAX};  // boot_clock, nanoseconds
  std::mutex access_;
  std::uint64_t next_id_ = 2;                                 // under access_
  std::unordered_map<std::uint64_t, watched> sessions_;       // under access_
  std::unordered_map<const session *, std::uint64_t> ids_;    // under access_
  std::list<std::pair<int, boot_clock::time_point>> limits_;  // under access_
  std::thread thread_;
};

}  // namespace pg_exclusive::detail
