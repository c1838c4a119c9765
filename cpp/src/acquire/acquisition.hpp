// One thread on its way to one lock: what needs no waiting in acquisition.cpp,
// what does in waiting.cpp.
#pragma once

#include <optional>

#include "client_core/client_core.hpp"

namespace pg_exclusive::detail {

class release;
struct server_wait_end;

class acquisition {
 public:
  // `permits`: not the lock but one of so many permits, when not 0.  `bound`:
  // the thread that asks will be the one that gives it back.
  acquisition(client_core &owner, const lock_name &name,
              const lock_options &options, int permits, bool bound);

  // Without waiting.
  attempt try_now();
  // Without waiting, on the session and in the message of a release.
  attempt try_with_release(release &leaving);
  // Until it is ours, the time is up, or a stop is requested.
  attempt wait();

 private:
  // Whose turn it is in the local queue.
  enum class turn { ours, joined, timed_out, stopped };

  std::optional<attempt> answer_here();
  bool await_other_try(std::unique_lock<std::mutex> &lock);
  attempt ask();
  session_ptr carry(request &c);
  [[nodiscard]] caller_patience patience() const;
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
  std::optional<attempt> try_again();
  std::optional<attempt> wait_on(const session_ptr &s);
  void accept(session &s, PGconn *connection, const server_wait_end &end);
  bool await_local_losers();
  attempt give_up(outcome why);
  [[nodiscard]] std::optional<std::chrono::milliseconds> left() const;
  [[nodiscard]] bool stopped() const;

  std::unique_lock<std::mutex> enter() {
    return std::unique_lock(queue_->access);
  }

  client_core &owner_;
  const lock_options &options_;
  const int permits_;
  const boot_clock::time_point began_;
  std::optional<boot_clock::time_point> deadline_;
  local_queue_ptr queue_;
  grant_ptr made_;
  // For the answer to somebody else's try.
  boot_clock::time_point waits_since_ = boot_clock::time_point::max();
  bool asked_server_ = false;
  // Of a wait for a lease: between tries, and since when there is no answer.
  std::chrono::milliseconds pause_{25};
  boot_clock::time_point answered_ = boot_clock::now();
  waiter *me_ = nullptr;        // in the local queue
  release *leaving_ = nullptr;  // goes in the same message
};

}  // namespace pg_exclusive::detail
