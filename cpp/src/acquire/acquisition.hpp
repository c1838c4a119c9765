// One thread on its way to one lock: what needs no waiting in acquisition.cpp,
// what does in waiting.cpp.
#pragma once

#include <optional>

#include "acquire/acquire_context.hpp"
#include "acquire/attempt.hpp"
#include "protocol/pq.hpp"

namespace pg_exclusive::detail {

class release;
struct server_wait_end;

class acquisition {
 public:
  // `permits`: not the lock but one of so many permits, when not 0.  `bound`:
  // the thread that asks will be the one that gives it back.
  acquisition(acquire_context &owner, const lock_name &name,
              const lock_options &options, int permits, bool bound);

  // Without waiting.
  attempt try_now();
  // Without waiting, on the session and in the message of a release.
  attempt try_with_release(release &leaving);
  // Without waiting, and `next` in the same message.  It has an answer only
  // when the lock was acquired.
  attempt try_with(request &next);

  // In three steps, for several locks in one message.  Returns false when the
  // server cannot be asked right now: another thread here has the lock or waits
  // for it.
  bool begin_alone();
  // Returns true when the lock must not be asked for on this session.
  bool is_on(const session_ptr &s);
  // How long the caller waits for a session.
  [[nodiscard]] caller_patience patience() const;
  // Makes `c` the request.
  void fill(request &c) const;
  // The server has granted the lock.
  attempt accepted(boot_clock::time_point sent);

  // Until it is ours, the time is up, or a stop is requested.
  attempt wait();

 private:
  // Whose turn it is in the local queue.
  enum class turn { ours, joined, timed_out, stopped };

  // While this lives, no other thread here asks for the lock.
  class asking {
   public:
    explicit asking(local_queue &at) : at_(at) { at_.asking = true; }
    asking(const asking &) = delete;
    asking &operator=(const asking &) = delete;
    ~asking() {
      const std::lock_guard guard(at_.access);
      at_.asking = false;
      at_.asked.notify_all();
    }

   private:
    local_queue &at_;
  };

  std::optional<attempt> answer_here();
  bool await_other_try(std::unique_lock<std::mutex> &lock);
  attempt ask();
  session_ptr carry(request &c);
  attempt no_session();
  void confirm_if_late(boot_clock::time_point sent);
  attempt granted();
  attempt join(local_queue::server_grant &root);
  attempt refused(std::optional<holder_info> holder);
  static holder_info local_holder(const local_queue::server_grant &root);

  attempt stand_in_queue();
  turn await_turn(std::unique_lock<std::mutex> &lock);
  void sleep(std::unique_lock<std::mutex> &lock,
             std::optional<boot_clock::duration> at_most = {});
  std::optional<attempt> ask_in_turn();
  std::optional<attempt> poll_server();
  std::optional<attempt> wait_on(const session_ptr &s);
  void accept(session &s, PGconn *connection, const server_wait_end &end);
  bool await_local_losers();
  attempt give_up(outcome why);
  [[nodiscard]] std::optional<std::chrono::milliseconds> left() const;
  [[nodiscard]] bool stopped() const;

  std::unique_lock<std::mutex> enter() {
    return std::unique_lock(queue_->access);
  }

  acquire_context &owner_;
  const lock_options &options_;
  const int permits_;
  const boot_clock::time_point began_;
  std::optional<boot_clock::time_point> deadline_;
  local_queue_ptr queue_;
  grant_ptr made_;
  // For the answer to somebody else's try.
  boot_clock::time_point waits_since_ = boot_clock::time_point::max();
  bool asked_server_ = false;
  waiter *me_ = nullptr;  // in the local queue
  std::optional<asking> asking_;
  release *leaving_ = nullptr;  // goes in the same message
  request *next_ = nullptr;     // the same
};

}  // namespace pg_exclusive::detail
