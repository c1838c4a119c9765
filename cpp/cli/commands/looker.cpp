#include "commands/looker.hpp"

#include <csignal>

#include "db/tool_error.hpp"

namespace pg_exclusive::cli {

looker::looker(std::function<lock_snapshot()> take) : take_{std::move(take)} {
  // Signals are for the screen's thread, whose getch() they interrupt.
  sigset_t all;
  sigset_t found;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &found);
  thread_ = std::thread{[this] { run(); }};
  pthread_sigmask(SIG_SETMASK, &found, nullptr);
}

void looker::start() {
  {
    const std::lock_guard guard{mutex_};
    under_way_ = true;
  }
  asked_.notify_one();
}

bool looker::busy() const {
  const std::lock_guard guard{mutex_};
  return under_way_;
}

std::optional<looker::answer> looker::take() {
  const std::lock_guard guard{mutex_};
  return std::exchange(answer_, std::nullopt);
}

void looker::run() {
  for (;;) {
    {
      std::unique_lock guard{mutex_};
      asked_.wait(guard, [this] { return under_way_; });
    }
    answer found;
    try {
      found.locks = take_();
    } catch (const tool_error &error) {
      found.error = error.message;
    }
    const std::lock_guard guard{mutex_};
    answer_ = std::move(found);
    under_way_ = false;
  }
}

}  // namespace pg_exclusive::cli
