#include "supervise/lock_thread.hpp"

#include <sys/eventfd.h>

#include <cstdint>

namespace pg_exclusive::cli {

lock_thread::lock_thread(lock_source &source)
    : event_{check_errno(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                         "could not create an event descriptor")},
      thread_{[this, &source](std::stop_token stop) {
        run(std::move(stop), source);
      }} {}

lock_thread::~lock_thread() {
  stop();
  finish(false);
}

void lock_thread::run(std::stop_token stop, lock_source &source) {
  auto result = source.acquire(std::move(stop),
                               [this](held_lock &hold) { return keep(hold); });
  {
    const std::lock_guard guard{mutex_};
    verdict_ = std::move(result);
    ended_ = true;
  }
  finished_.notify_all();
  signal_event();
}

bool lock_thread::keep(held_lock &hold) {
  const std::stop_callback on_loss{hold.lost(), [this] { signal_event(); }};
  const std::stop_callback on_request{hold.yield_requested(),
                                      [this] { signal_event(); }};
  std::unique_lock guard{mutex_};
  hold_ = &hold;
  signal_event();
  finished_.wait(guard, [this] { return succeeded_.has_value(); });
  hold_ = nullptr;
  return *succeeded_;
}

void lock_thread::finish(bool succeeded) {
  {
    const std::lock_guard guard{mutex_};
    if (!succeeded_) {
      succeeded_ = succeeded;
    }
  }
  finished_.notify_all();
}

bool lock_thread::ends_within(std::chrono::milliseconds limit) {
  std::unique_lock guard{mutex_};
  return finished_.wait_for(guard, limit, [this] { return ended_; });
}

void lock_thread::join() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

held_lock *lock_thread::hold() const {
  const std::lock_guard guard{mutex_};
  return hold_;
}

bool lock_thread::ended() const {
  const std::lock_guard guard{mutex_};
  return ended_;
}

std::optional<verdict> lock_thread::result() const {
  const std::lock_guard guard{mutex_};
  return verdict_;
}

void lock_thread::signal_event() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(event_.get(), &one, sizeof one);
}

void lock_thread::acknowledge() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(event_.get(), &count, sizeof count);
}

}  // namespace pg_exclusive::cli
