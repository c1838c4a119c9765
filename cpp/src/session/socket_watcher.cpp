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
  thread_ = std::thread([this] { run(); });
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

socket_watcher::limit::limit(socket_watcher &on, int socket,
                             boot_clock::time_point until)
    : on_(on), socket_(checked(fcntl(socket, F_DUPFD_CLOEXEC, 0), "fcntl")) {
  {
    const std::lock_guard guard(on_.access_);
    place_ = on_.limits_.emplace(on_.limits_.end(), socket_, until);
  }
  on_.rearm();
}

socket_watcher::limit::~limit() {
  {
    const std::lock_guard guard(on_.access_);
    on_.limits_.erase(place_);
  }
  ::close(socket_);
}

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

void socket_watcher::cut_off_child() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const auto &[who, id] : ids_) who->cut_off(null);
  ::close(null);
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
  who->fail(last.sqlstate == "57P05" ? loss_reason::lease_expired
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
    }
  }
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
  for (auto &[socket, until] : limits_) {
    if (until == boot_clock::time_point::max()) continue;
    if (now >= std::min(until, end_of_all())) {
      shutdown(socket, SHUT_RDWR);
      until = boot_clock::time_point::max();  // once
    } else {
      next = std::min({next, until, end_of_all()});
    }
  }
  return next;
}

}  // namespace pg_exclusive::detail
