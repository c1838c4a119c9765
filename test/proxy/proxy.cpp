#include "proxy.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <vector>

#include "link.hpp"

namespace test_proxy {
namespace {

int checked(int result, const char *what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void no_delay(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

template <class Address>
int connected(const Address &address, int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<const sockaddr *>(&address),
              sizeof address) == 0) {
    no_delay(fd);
    return fd;
  }
  close(fd);
  return -1;
}

// The server is on this machine, so this does not take long.  -1: nothing
// listens there.
int connect_to(const target &server) {
  if (server.host.empty() || server.host[0] != '/') {
    return connected(loopback(server.port), AF_INET);
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path =
      server.host + "/.s.PGSQL." + std::to_string(server.port);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return connected(address, AF_UNIX);
}

const char *environment(const char *name, const char *otherwise) {
  const char *value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

target target_from_environment() {
  return {environment("PGHOST", "127.0.0.1"),
          std::stoi(environment("PGPORT", "5432"))};
}

proxy::proxy(target server) : server_(std::move(server)) {
  listen_ = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto *const where = reinterpret_cast<sockaddr *>(&address);
  checked(bind(listen_, where, size), "bind");
  checked(listen(listen_, 1024), "listen");
  checked(getsockname(listen_, where, &size), "getsockname");
  port_ = ntohs(address.sin_port);
  wake_ = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  thread_ = std::thread([this] { run(); });
}

proxy::~proxy() {
  stopping_ = true;
  wake();
  thread_.join();
  close(listen_);
  close(wake_);
}

std::string proxy::conninfo() const {
  return "host=127.0.0.1 port=" + std::to_string(port_);
}

void proxy::wake() const { eventfd_write(wake_, 1); }

void proxy::delay(std::chrono::microseconds to_server,
                  std::chrono::microseconds to_client) {
  const std::lock_guard guard(access_);
  delay_[index(direction::to_server)] = to_server;
  delay_[index(direction::to_client)] = to_client;
}

void proxy::stall(direction where, bool on) {
  const std::lock_guard guard(access_);
  stalled_[index(where)] = on;
  wake();
}

void proxy::cut(direction where, std::uint64_t bytes, ending how) {
  const std::lock_guard guard(access_);
  allowance_[index(where)] = bytes;
  how_ = how;
  if (bytes > 0) return;
  allowance_[index(where)].reset();
  for (const auto &l : links_) l->end(how);
  wake();
}

void proxy::inject(const std::string &bytes) {
  const std::lock_guard guard(access_);
  for (const auto &l : links_) l->inject(bytes);
  wake();
}

void proxy::filter(message_filter change) {
  const std::lock_guard guard(access_);
  filter_ = std::move(change);
}

void proxy::refuse(bool on) {
  const std::lock_guard guard(access_);
  refusing_ = on;
}

void proxy::deafen(bool on) {
  const std::lock_guard guard(access_);
  deaf_ = on;
}

void proxy::end_links(ending how) {
  const std::lock_guard guard(access_);
  for (const auto &l : links_) l->end(how);
  wake();
}

void proxy::reset_trips() {
  const std::lock_guard guard(access_);
  trips_ = 0;
  for (const auto &l : links_) l->forget_trips();
}

int proxy::trips() const {
  const std::lock_guard guard(access_);
  return trips_;
}

int proxy::accepted() const {
  const std::lock_guard guard(access_);
  return accepted_;
}

std::uint64_t proxy::passed(direction where) const {
  const std::lock_guard guard(access_);
  return passed_[index(where)];
}

int proxy::links() const {
  const std::lock_guard guard(access_);
  return static_cast<int>(std::count_if(
      links_.begin(), links_.end(), [](const auto &l) { return !l->ended(); }));
}

void proxy::run() {
  prctl(PR_SET_TIMERSLACK, 1UL);  // nanoseconds; the default is 50 us
  std::unique_lock lock(access_);
  while (!stopping_) serve(lock);
}

void proxy::serve(std::unique_lock<std::mutex> &lock) {
  std::vector<pollfd> fds{{listen_, POLLIN, 0}, {wake_, POLLIN, 0}};
  auto due = steady::now() + std::chrono::seconds(1);
  for (const auto &l : links_) {
    l->prepare(fds);
    due = std::min(due, l->next_due());
  }
  const auto rest = std::max<std::int64_t>((due - steady::now()).count(), 0);
  const timespec timeout{rest / 1'000'000'000, rest % 1'000'000'000};
  lock.unlock();
  ppoll(fds.data(), fds.size(), &timeout, nullptr);
  lock.lock();
  eventfd_t count = 0;
  if (fds[1].revents != 0) eventfd_read(wake_, &count);
  for (const auto &l : links_) l->serve(fds);
  if (fds[0].revents != 0) accept_link();
  drop_ended();
}

void proxy::accept_link() {
  const int client = accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = refusing_ || deaf_ ? -1 : connect_to(server_);
  if (server < 0 && !deaf_) {
    close(client);
    return;
  }
  no_delay(client);
  ++accepted_;
  links_.push_back(std::make_unique<link>(*this, client, server));
}

void proxy::drop_ended() {
  std::erase_if(links_, [](const auto &l) { return l->ended(); });
}

}  // namespace test_proxy
