// One thread on its way to one lock.
#pragma once

#include <optional>

#include "core.hpp"

namespace pg_exclusive::detail {

class acquisition {
 public:
  acquisition(core &owner, const lock_name &name, const lock_options &options,
              int permits, bool bound);

  // Without waiting.
  attempt try_now();
  // Until it is ours, the time is up, or a stop is requested.
  attempt wait();

 private:
  // How waiting for a turn ended.
  enum class turn { ours, joined, timed_out, stopped };

  std::optional<attempt> answer_here(std::unique_lock<std::mutex> &lock);
  attempt ask(const std::vector<session_ptr> &except);
  attempt granted();
  attempt refused(std::optional<holder_info> holder);
  attempt join(gate::root &root);
  [[nodiscard]] holder_info local_holder(const gate::root &root) const;
  void confirm(bool late);

  attempt stand_in_queue(waiter &me);
  turn wait_for_turn(waiter &me, std::unique_lock<std::mutex> &lock);
  std::optional<attempt> ask_in_turn(waiter &me);
  std::optional<attempt> wait_on_server();
  std::optional<attempt> wait_on(const session_ptr &s);
  std::optional<attempt> poll_server(waiter &me);
  attempt end_of_wait(const session_ptr &s, const wait_answer &answer,
                      boot_clock::time_point sent);
  void await_local_losers(waiter &me);
  [[nodiscard]] std::optional<std::chrono::milliseconds> left() const;
  [[nodiscard]] bool time_is_up() const;
  [[nodiscard]] bool stop_requested() const;
  attempt gave_up();
  std::unique_lock<std::mutex> enter() {
    return std::unique_lock(gate_->access);
  }

  core &owner_;
  const lock_options &options_;
  const int permits_;
  const boot_clock::time_point began_;
  std::optional<boot_clock::time_point> deadline_;
  gate_ptr gate_;
  grant_ptr made_;
};

}  // namespace pg_exclusive::detail
