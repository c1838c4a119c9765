// Keeps sessions alive: sends the heartbeats of all of them, closes the dead
// and those that nobody needs.
//
// One thread, many sessions: it never waits for one of them, or a link that is
// dead would cost the others their lease.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class client_core;
class session;

class heartbeat_thread {
 public:
  explicit heartbeat_thread(client_core &owner);
  heartbeat_thread(const heartbeat_thread &) = delete;
  heartbeat_thread &operator=(const heartbeat_thread &) = delete;
  ~heartbeat_thread();

  // There is one session more, or a dead one.
  void wake();
  // A heartbeat of this session is on its way.  Any thread.
  void read(const std::shared_ptr<session> &s);
  void stop();

 private:
  void run();
  boot_clock::time_point tend_sessions();
  void wait_until(boot_clock::time_point when);
  void read_answers(const std::vector<bool> &ready);
  void add_to_read();

  client_core &owner_;
  int wake_ = -1;
  std::atomic<bool> stopping_{false};
  std::vector<std::shared_ptr<session>> beating_;  // of the thread
  std::mutex access_;
  std::vector<std::shared_ptr<session>> to_read_;  // under access_
  std::thread thread_;
};

}  // namespace pg_exclusive::detail
