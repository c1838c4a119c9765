// Calls the user's code: stop callbacks of lost holds, the event hook.
//
// A thread of its own, because that code may block, and may destroy whatever it
// likes, the client included.
#pragma once

#include <functional>
#include <memory>

namespace pg_exclusive::detail {

class callback_thread {
 public:
  // How many unread events there may be.
  static constexpr std::size_t most_events = 10'000;

  callback_thread();
  callback_thread(const callback_thread &) = delete;
  callback_thread &operator=(const callback_thread &) = delete;
  ~callback_thread();

  // Runs `work` on the thread, in order.
  void post(std::function<void()> work);
  // The same, unless there is too much already.
  void post_event(std::function<void()> work);
  // Finishes what was posted, unless called from the thread itself.
  void stop();

 private:
  struct state;
  static void run(const std::shared_ptr<state> &state);

  std::shared_ptr<state> state_;
};

}  // namespace pg_exclusive::detail
