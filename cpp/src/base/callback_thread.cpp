#include "base/callback_thread.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/start_thread.hpp"

namespace pg_exclusive::detail {

// Shared with the thread, which may outlive the notifier when it is the one who
// destroys it.
struct callback_thread::state {
  std::mutex access;
  std::condition_variable changed;
  std::deque<std::function<void()>> work;  // under access
  bool stopping = false;                   // under access
  std::thread thread;
};

callback_thread::callback_thread() : state_(std::make_shared<state>()) {
  state_->thread = start_thread([shared = state_] { run(shared); });
}

callback_thread::~callback_thread() { stop(); }

void callback_thread::post(std::function<void()> work) {
  const std::lock_guard guard(state_->access);
  state_->work.push_back(std::move(work));
  state_->changed.notify_one();
}

void callback_thread::post_event(std::function<void()> work) {
  const std::lock_guard guard(state_->access);
  if (state_->work.size() >= most_events) return;
  state_->work.push_back(std::move(work));
  state_->changed.notify_one();
}

void callback_thread::stop() {
  const bool from_inside =
      state_->thread.get_id() == std::this_thread::get_id();
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard guard(state_->access);
    state_->stopping = true;
    // What is left would find our owner gone.
    if (from_inside) dropped.swap(state_->work);
    state_->changed.notify_one();
  }
  if (!state_->thread.joinable()) return;
  if (from_inside) {
    state_->thread.detach();
  } else {
    state_->thread.join();
  }
}

void callback_thread::run(const std::shared_ptr<state> &state) {
  pthread_setname_np(pthread_self(), "pgx-callbacks");
  for (;;) {
    std::function<void()> next;
    {
      std::unique_lock lock(state->access);
      state->changed.wait(
          lock, [&] { return state->stopping || !state->work.empty(); });
      if (state->work.empty()) return;
      next = std::move(state->work.front());
      state->work.pop_front();
    }
    try {
      next();
    } catch (...) {  // NOLINT(bugprone-empty-catch): the user's, as documented
    }
  }
}

}  // namespace pg_exclusive::detail
