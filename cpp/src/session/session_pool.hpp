// The lock sessions of a client: those that hold, and those that wait.
//
// A session that waits holds nothing, and one that holds does not wait: a wait
// takes a session out of the set, and what it was granted brings it back.  When
// it is empty again it may serve another wait, which saves a connection per
// wait; one whose wait was broken off never does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class client_core;
class session;
using session_ptr = std::shared_ptr<session>;

class session_pool {
 public:
  explicit session_pool(client_core &owner) : owner_(owner) {}

  // A session for one more hold, none of `except`; opens one when all are full.
  // Its load counts the hold from now on.  One thread connects at a time: whose
  // call has waited since before an attempt failed gets its error too.
  session_ptr pick(
      const std::vector<session_ptr> &except = {},
      boot_clock::time_point waits_since = boot_clock::time_point::max());
  // One hold less, or a try that was refused.
  static void unload(session &s) noexcept;

  // A session to wait on, or null when as many as may be are waiting.
  session_ptr begin_wait();
  // The wait is over; the session comes back with so many holds, if it lives.
  void end_wait(const session_ptr &s, int holds);
  // The wait could not begin.
  void cancel_wait();
  // Until nobody waits any more; false when somebody still does by then.
  bool await_waits(boot_clock::time_point until);

  [[nodiscard]] std::vector<session_ptr> all() const;
  [[nodiscard]] int size() const;
  [[nodiscard]] int waiting() const;
  void drop(const session_ptr &s);
  // Drops a session that is not needed any more; false when it is.
  bool retire(const session_ptr &s);
  // Drops all and opens none any more; gives what there was.
  std::vector<session_ptr> close();

 private:
  [[nodiscard]] session_ptr best(const std::vector<session_ptr> &except,
                                 int limit) const;
  [[nodiscard]] std::ptrdiff_t live() const;
  session_ptr take_spare();
  session_ptr open();

  client_core &owner_;
  mutable std::mutex access_;
  std::condition_variable opened_;
  std::condition_variable waited_;
  std::vector<session_ptr> sessions_;  // under access_
  int opening_ = 0;                    // under access_
  std::exception_ptr failure_;         // under access_: of the last to open one
  boot_clock::time_point failed_at_;   // under access_
  int waiting_ = 0;                    // under access_
  bool closed_ = false;                // under access_
};

}  // namespace pg_exclusive::detail
