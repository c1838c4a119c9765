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
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class session_context;
class session;
using session_ptr = std::shared_ptr<session>;

// How long a caller waits for a session.  Without either, until it is open or
// cannot be opened, which connect_timeout bounds.
struct caller_patience {
  std::optional<boot_clock::time_point> until;
  std::stop_token stop;
};

// The end of an attempt to open a session.
struct opening {
  session_ptr made;
  std::exception_ptr failure;
  bool done = false;
  bool wanted = true;  // the caller has not given up
  std::thread thread;
};

class session_pool {
 public:
  explicit session_pool(session_context &owner) : owner_(owner) {}
  session_pool(const session_pool &) = delete;
  session_pool &operator=(const session_pool &) = delete;
  ~session_pool() { join_openings(); }

  // A session for one more hold, none that `excepted` is true for; opens one
  // when all are full.  Its load counts the hold from now on.  One attempt at a
  // time is made: a call that has waited since before it failed gets its error
  // too.  Null when the caller's patience is over.
  session_ptr pick(
      const std::function<bool(const session_ptr &)> &excepted,
      const caller_patience &patience = {},
      boot_clock::time_point waits_since = boot_clock::time_point::max());
  // One hold less, or a try that was refused.
  static void unload(session &s) noexcept;

  // A session to wait on.  None when as many as may be are waiting, null when
  // the caller's patience is over.
  std::optional<session_ptr> begin_wait(const caller_patience &patience);
  // The wait is over; the session comes back with so many holds, if it lives.
  void end_wait(const session_ptr &s, int holds);
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
  // Waits for the attempts that are being made.
  void join_openings();

 private:
  using opening_ptr = std::shared_ptr<opening>;

  [[nodiscard]] session_ptr best(
      const std::function<bool(const session_ptr &)> &excepted,
      int limit) const;
  [[nodiscard]] std::ptrdiff_t live() const;
  session_ptr take_spare();
  // Opens a session on a thread of its own, so that its callers can give up.
  void start(const opening_ptr &o);
  void run(const opening_ptr &o, const std::string &conninfo);
  void finish(const opening_ptr &o, session_ptr made,
              std::exception_ptr failure);
  bool await(std::unique_lock<std::mutex> &lock, const opening &o,
             const caller_patience &patience);

  session_context &owner_;
  mutable std::mutex access_;
  std::condition_variable_any opened_;
  std::condition_variable waited_;
  std::vector<session_ptr> sessions_;  // under access_
  opening_ptr shared_;                 // under access_: the one of pick()
  std::vector<opening_ptr> openings_;  // under access_: all
  std::exception_ptr failure_;         // under access_: of the last to open one
  boot_clock::time_point failed_at_;   // under access_
  int waiting_ = 0;                    // under access_
  bool closed_ = false;                // under access_
};

}  // namespace pg_exclusive::detail
