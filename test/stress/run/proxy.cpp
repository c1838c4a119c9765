#include "run/proxy.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "run/link.hpp"

namespace harness {
namespace {

constexpr int kTick = 5;  // milliseconds until our thread looks for requests
constexpr int kBacklog = 64;

sockaddr_un address(const std::string &directory, int port) {
  sockaddr_un made{};
  made.sun_family = AF_UNIX;
  const std::string path = directory + "/.s.PGSQL." + std::to_string(port);
  path.copy(made.sun_path, sizeof made.sun_path - 1);
  return made;
}

const sockaddr *plain(const sockaddr_un &address) {
  return reinterpret_cast<const sockaddr *>(&address);
}

int new_socket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    throw std::system_error(errno, std::generic_category(), "socket");
  }
  return fd;
}

void never_block(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK); }

}  // namespace

Proxy::Proxy(std::string directory, std::string server_directory, int port)
    : directory_(std::move(directory)),
      server_directory_(std::move(server_directory)),
      port_(port),
      listener_(new_socket()),
      server_port_(port) {
  const sockaddr_un here = address(directory_, port_);
  if (bind(listener_, plain(here), sizeof here) != 0 ||
      listen(listener_, kBacklog) != 0) {
    close(listener_);
    throw std::system_error(errno, std::generic_category(), here.sun_path);
  }
  never_block(listener_);
  thread_ = std::jthread([this] { run(); });
}

Proxy::~Proxy() {
  thread_.request_stop();
  thread_.join();
  close(listener_);
}

std::string Proxy::conninfo() const {
  return "host=" + directory_ + " port=" + std::to_string(port_) +
         " user=postgres dbname=test connect_timeout=2";
}

std::string Proxy::backends() const {
  const std::lock_guard guard(mutex_);
  return backends_;
}

bool Proxy::inject(int backend, const std::string &condition,
                   const std::string &statement,
                   std::chrono::milliseconds patience) {
  std::unique_lock guard(mutex_);
  request_ = {backend, condition, statement};
  const auto over = [this] { return request_.backend == 0; };
  if (!answered_.wait_for(guard, patience, over) && request_.link == nullptr) {
    request_ = {};
    return false;
  }
  answered_.wait(guard, over);  // it has begun, so the server will answer
  return request_.said;
}

void Proxy::accept_client() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) {
    return;
  }
  const int server = new_socket();
  const sockaddr_un there = address(server_directory_, server_port_);
  if (connect(server, plain(there), sizeof there) != 0) {
    close(client);
    close(server);
    return;
  }
  never_block(client);
  never_block(server);
  links_.push_back(std::make_unique<Link>(client, server));
}

// Looks whether the session that is asked for is idle.
void Proxy::serve_request() {
  const std::lock_guard guard(mutex_);
  backends_.clear();
  bool there = false;
  for (const std::unique_ptr<Link> &link : links_) {
    backends_ +=
        (backends_.empty() ? "" : ",") + std::to_string(link->backend());
    there = there || link.get() == request_.link;
    if (request_.backend != 0 && request_.link == nullptr &&
        link->backend() == request_.backend && link->idle()) {
      link->inject(request_.condition);
      request_.link = link.get();
      there = true;
    }
  }
  if (request_.link != nullptr) {
    continue_request(there);
  }
}

// The statement follows the condition before the client is heard again.
void Proxy::continue_request(bool there) {
  if (there && request_.link->injecting()) {
    return;
  }
  if (there && !request_.said && request_.link->idle() &&
      request_.link->gave_rows()) {
    request_.link->inject(request_.statement);
    request_.said = true;
    return;
  }
  request_.backend = 0;
  request_.link = nullptr;
  answered_.notify_all();
}

void Proxy::run() {
  while (!thread_.get_stop_token().stop_requested()) {
    std::vector<pollfd> all{{listener_, POLLIN, 0}};
    for (const std::unique_ptr<Link> &link : links_) {
      const auto two = link->interests();
      all.insert(all.end(), two.begin(), two.end());
    }
    poll(all.data(), all.size(), kTick);
    std::size_t at = 1;
    std::erase_if(links_, [&](const std::unique_ptr<Link> &link) {
      const std::array<pollfd, 2> ready{all[at], all[at + 1]};
      at += 2;
      return !link->move(ready);
    });
    serve_request();  // first: a new link may get the address of an old one
    if (all[0].revents != 0) {
      accept_client();
    }
  }
}

}  // namespace harness
