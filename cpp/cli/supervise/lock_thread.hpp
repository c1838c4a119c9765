// Runs a lock source in a thread of its own, beside the guard's event loop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/unique_fd.hpp"
#include "supervise/lock_source.hpp"

namespace pg_exclusive::cli {

/// Start it with all signals blocked that the loop reads from descriptors.
class lock_thread {
 public:
  explicit lock_thread(lock_source &source);
  lock_thread(const lock_thread &) = delete;
  lock_thread &operator=(const lock_thread &) = delete;
  /// Gives up a wait, lets a hold go, and waits for both.
  ~lock_thread();

  /// Readable after each change of what follows, until acknowledge().
  [[nodiscard]] int event_fd() const noexcept { return event_.get(); }
  void acknowledge() const noexcept;

  /// The lock, from its grant until finish(); nullptr otherwise.
  [[nodiscard]] held_lock *hold() const;
  [[nodiscard]] bool ended() const;
  /// After the end: the source's verdict.
  [[nodiscard]] std::optional<verdict> result() const;

  /// Ends a wait.
  void stop() { thread_.request_stop(); }
  /// The command is gone: the lock may go.
  void finish(bool succeeded);
  /// Waits so long for the source to return. True if it has.
  [[nodiscard]] bool ends_within(std::chrono::milliseconds limit);
  /// Waits until the source has returned.
  void join();

 private:
  void run(std::stop_token stop, lock_source &source);
  bool keep(held_lock &hold);
  void signal_event() const noexcept;

  unique_fd event_;
  mutable std::mutex mutex_;
  std::condition_variable finished_;
  held_lock *hold_ = nullptr;
  std::optional<bool> succeeded_;
  std::optional<verdict> verdict_;
  bool ended_ = false;
  std::jthread thread_;
};

}  // namespace pg_exclusive::cli
