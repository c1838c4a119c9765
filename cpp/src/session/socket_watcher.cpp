#include "session/socket_watcher.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/start_thread.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {
namespace {

constexpr std::uint64_t timer_id = 0;
constexpr std::uint64_t wake_id = 1;

int checked(int result, const char *what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void listen_to(int epoll, int fd, std::uint32_t events, std::uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void drain(int fd) {
  std::uint64_t count = 0;
  while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace

socket_watcher::socket_watcher() {
  epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  timer_ = checked(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                   "timerfd");
  wake_ = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  listen_to(epoll_, timer_, EPOLLIN, timer_id);
  listen_to(epoll_, wake_, EPOLLIN, wake_id);
  thread_ = start_thread([this] { run(); });
}

socket_watcher::~socket_watcher() {
  stop();
  ::close(epoll_);
  ::close(timer_);
  ::close(wake_);
}

void socket_watcher::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  rearm();
  thread_.join();
}

void socket_watcher::rearm() { eventfd_write(wake_, 1); }

void socket_watcher::end_all_at(boot_clock::time_point when) {
  end_of_all_ = when.time_since_epoch().count();
  rearm();
}

socket_watcher::limit::limit(socket_watcher &on) : on_(on) {
  const std::lock_guard guard(on_.access_);
  place_ = on_.limits_.emplace(on_.limits_.end());
}

// A forking thread has the lock of the parents' sockets when it takes ours, so
// we never ask for them the other way round.
socket_watcher::limit::~limit() {
  std::list<limited> mine;
  {
    const std::lock_guard guard(on_.access_);
    mine.splice(mine.end(), on_.limits_, place_);
  }
  if (mine.front().copy) ::close(mine.front().copy->number());
}

void socket_watcher::limit::watch(int socket) {
  if (place_->original && place_->original->is(socket)) return;
  auto original = std::make_unique<parents_socket>(socket);
  auto copy = std::make_unique<parents_socket>(
      checked(fcntl(socket, F_DUPFD_CLOEXEC, 0), "fcntl"));
  {
    const std::lock_guard guard(on_.access_);
    place_->original.swap(original);
    place_->copy.swap(copy);
    if (place_->reached) shutdown(place_->copy->number(), SHUT_RDWR);
  }
  if (copy) ::close(copy->number());
}

void socket_watcher::limit::set(boot_clock::time_point until) {
  place_->until = until.time_since_epoch().count();
  if (place_->until < on_.armed_) on_.rearm();
}

bool socket_watcher::limit::reached() const { return place_->reached; }

void socket_watcher::add(const std::shared_ptr<session> &s) {
  {
    const std::lock_guard guard(access_);
    const std::uint64_t id = next_id_++;
    sessions_.emplace(id, watched{s->socket(), s});
    ids_.emplace(s.get(), id);
    listen_to(epoll_, s->socket(), EPOLLRDHUP | EPOLLONESHOT, id);
  }
  rearm();
}

void socket_watcher::forget(const session &s) {
  const std::lock_guard guard(access_);
  const auto found = ids_.find(&s);
  if (found == ids_.end()) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, s.socket(), nullptr);
  sessions_.erase(found->second);
  ids_.erase(found);
}

void socket_watcher::shut(const session &s) {
  const std::lock_guard guard(access_);
  if (ids_.contains(&s)) shutdown(s.socket(), SHUT_RDWR);
}

void socket_watcher::run() {
  pthread_setname_np(pthread_self(), "pgx-watcher");
  while (!stopping_) {
    std::array<epoll_event, 64> events;
    const int n = epoll_wait(epoll_, events.data(), events.size(), -1);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t id = events[i].data.u64;
      if (id == timer_id) {
        drain(timer_);
      } else if (id == wake_id) {
        drain(wake_);
      } else {
        closed(id);
      }
    }
    check_deadlines();
  }
}

// The other side has closed the connection; its last words may be there.
void socket_watcher::closed(std::uint64_t id) {
  std::shared_ptr<session> who;
  pq::last_words last;
  {
    const std::lock_guard guard(access_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    who = found->second.who.lock();
    if (!who) return;
    last = pq::peek_last_words(found->second.socket);
  }
  // 57P05: the server ended the lease, because it did not hear from us.
  who->disconnected(last.sqlstate == "57P05" ? loss_reason::lease_expired
                                             : loss_reason::connection_closed,
                    last.message);
}

void socket_watcher::check_deadlines() {
  // Destroyed after the lock is free: it may be the last to know a session.
  std::vector<std::shared_ptr<session>> all;
  {
    const std::lock_guard guard(access_);
    for (const auto &[id, watched] : sessions_) {
      if (auto who = watched.who.lock()) all.push_back(std::move(who));
    }
  }
  armed_ = INT64_MAX;  // who moves a deadline now wakes us once more
  const auto now = boot_clock::now();
  auto next = check_limits(now);
  for (const auto &who : all) {
    if (who->failed()) continue;
    if (!who->alive()) {
      who->fail(loss_reason::lease_expired, "");
    } else if (now >= end_of_all()) {
      who->fail(loss_reason::client_closed, "");
    } else {
      next = std::min({next, who->lease().deadline(), end_of_all()});
      const auto due = who->answer_due();
      if (now < due) {
        next = std::min(next, due);
      } else {
        shut(*who);
      }
    }
  }
  armed_ = next.time_since_epoch().count();
  itimerspec when{};
  if (next < boot_clock::time_point::max()) {
    const auto ns = std::max<std::int64_t>(next.time_since_epoch().count(), 1);
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
  }
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

// Shuts down what took too long.  When there is something to do again.
boot_clock::time_point socket_watcher::check_limits(
    boot_clock::time_point now) {
  auto next = boot_clock::time_point::max();
  const std::lock_guard guard(access_);
  for (auto &one : limits_) {
    if (one.reached) continue;
    const boot_clock::time_point until = std::min(
        boot_clock::time_point(boot_clock::duration(one.until)), end_of_all());
    if (now < until) {
      next = std::min(next, until);
      continue;
    }
    one.reached = true;
    if (one.copy) shutdown(one.copy->number(), SHUT_RDWR);
  }
  return next;
}

}  // namespace pg_exclusive::detail
