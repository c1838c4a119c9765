#include "client_core/heartbeat_thread.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/start_thread.hpp"
#include "client_core/client_core.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

heartbeat_thread::heartbeat_thread(client_core &owner) : owner_(owner) {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  thread_ = start_thread([this] { run(); });
}

heartbeat_thread::~heartbeat_thread() {
  stop();
  close(wake_);
}

void heartbeat_thread::wake() { eventfd_write(wake_, 1); }

void heartbeat_thread::read(const std::shared_ptr<session> &s) {
  {
    const std::lock_guard guard(access_);
    to_read_.push_back(s);
  }
  wake();
}

// Takes over the sessions whose heartbeats no caller reads.
void heartbeat_thread::add_to_read() {
  const std::lock_guard guard(access_);
  for (auto &s : to_read_) {
    if (std::find(beating_.begin(), beating_.end(), s) == beating_.end()) {
      beating_.push_back(std::move(s));
    }
  }
  to_read_.clear();
}

void heartbeat_thread::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
}

void heartbeat_thread::run() {
  pthread_setname_np(pthread_self(), "pgx-heartbeat");
  while (!stopping_) wait_until(tend_sessions());
}

// Sends what is due.  Returns when something is due again.
boot_clock::time_point heartbeat_thread::tend_sessions() {
  add_to_read();
  const auto now = boot_clock::now();
  auto next = now + owner_.heartbeat_period();
  for (const auto &s : owner_.sessions().all()) {
    if (!s->alive()) {
      owner_.sessions().drop(s);
      s->reap();
      continue;
    }
    if (std::find(beating_.begin(), beating_.end(), s) != beating_.end()) {
      continue;
    }
    if (s->next_beat() > now) {
      next = std::min(next, s->next_beat());
    } else if (!owner_.sessions().retire(s) && s->start_heartbeat()) {
      beating_.push_back(s);
    }
  }
  return next;
}

void heartbeat_thread::wait_until(boot_clock::time_point when) {
  std::vector<pollfd> fds{{wake_, POLLIN, 0}};
  for (const auto &s : beating_) fds.push_back({s->socket(), POLLIN, 0});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      std::min(when, boot_clock::now() + owner_.heartbeat_period()) -
      boot_clock::now());
  const int timeout = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  if (poll(fds.data(), fds.size(), timeout) <= 0) return;
  if (fds[0].revents != 0) {
    eventfd_t count = 0;
    eventfd_read(wake_, &count);
  }
  std::vector<bool> ready;
  for (std::size_t i = 1; i < fds.size(); ++i) {
    ready.push_back(fds[i].revents != 0);
  }
  read_answers(ready);
}

void heartbeat_thread::read_answers(const std::vector<bool> &ready) {
  std::vector<std::shared_ptr<session>> still;
  for (std::size_t i = 0; i < beating_.size(); ++i) {
    if (!ready[i] || beating_[i]->read_heartbeat())
      still.push_back(beating_[i]);
  }
  beating_ = std::move(still);
}

}  // namespace pg_exclusive::detail
