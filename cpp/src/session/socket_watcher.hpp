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

#include "base/fork_guard.hpp"
#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class session;

class socket_watcher {
  // libpq closes its socket whenever it likes.  The copy is ours.
  struct limited {
    std::unique_ptr<parents_socket> original;
    std::unique_ptr<parents_socket> copy;
    std::atomic<std::int64_t> until{INT64_MAX};  // boot_clock, nanoseconds
    std::atomic<bool> reached{false};
  };

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

  // Looks after a socket that no session has: a connection that is being
  // opened, or one for transactions.  It is shut down at a deadline, so that a
  // thread that reads from it does not wait for ever, and when all sessions
  // end.
  class limit {
   public:
    // Has no socket yet, and no deadline.
    explicit limit(socket_watcher &on);
    limit(const limit &) = delete;
    limit &operator=(const limit &) = delete;
    ~limit();

    // From now on it is this socket.
    void watch(int socket);
    // Moves the deadline; an atomic store, unless it becomes nearer than all
    // others.
    void set(boot_clock::time_point until);
    void lift() { set(boot_clock::time_point::max()); }
    // Was the socket shut down?
    [[nodiscard]] bool reached() const;

   private:
    socket_watcher &on_;
    std::list<limited>::iterator place_;
  };

  void stop();

  // Around fork(): nothing changes meanwhile.
  void lock_for_fork() { access_.lock(); }
  void unlock_after_fork() { access_.unlock(); }

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
  // When the timer goes off; the distant future while that is found out.
  std::atomic<std::int64_t> armed_{INT64_MAX};  // boot_clock, nanoseconds
  std::mutex access_;
  std::uint64_t next_id_ = 2;                               // under access_
  std::unordered_map<std::uint64_t, watched> sessions_;     // under access_
  std::unordered_map<const session *, std::uint64_t> ids_;  // under access_
  std::list<limited> limits_;                               // under access_
  std::thread thread_;
};

}  // namespace pg_exclusive::detail
