#include "link.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy.hpp"

namespace test_proxy {
namespace {

// Beyond this a sender has to wait until the receiver has read.
constexpr std::size_t most_queued = 1024;

// The first byte of a client that speaks TLS at once (sslnegotiation=direct).
constexpr char tls_handshake = 0x16;

}  // namespace

link::link(proxy &owner, int client, int server)
    : owner_(owner), streams_{{{client, server}, {server, client}}} {}

link::~link() {
  for (const auto &s : streams_) {
    if (s.from >= 0) close(s.from);
  }
}

void link::prepare(std::vector<pollfd> &fds) {
  for (auto &s : streams_) {
    s.polled_at.reset();
    if (!s.closed && s.queue.size() < most_queued) {
      s.polled_at = fds.size();
      fds.push_back({s.from, POLLIN, 0});
    }
    if (s.blocked) fds.push_back({s.to, POLLOUT, 0});
  }
}

steady::time_point link::next_due() const {
  auto next = steady::time_point::max();
  for (const auto where : {direction::to_server, direction::to_client}) {
    const stream &s = streams_[index(where)];
    if (s.queue.empty() || s.blocked || s.silent) continue;
    if (owner_.stalled_[index(where)]) continue;
    next = std::min(next, s.queue.front().due);
  }
  return next;
}

void link::serve(const std::vector<pollfd> &fds) {
  for (const auto where : {direction::to_server, direction::to_client}) {
    const auto at = streams_[index(where)].polled_at;
    if (!ended_ && at && fds[*at].revents != 0) read(where);
    if (!ended_) write(where);
  }
  const auto over = [](const stream &s) { return s.passed || s.silent; };
  if (over(streams_[0]) && over(streams_[1]) && !streams_[0].silent) {
    ended_ = true;
  }
}

void link::read(direction where) {
  stream &s = streams_[index(where)];
  std::array<char, 65536> buffer;
  const auto got = recv(s.from, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    take(where, {buffer.data(), static_cast<std::size_t>(got)});
  } else if (got == 0) {
    s.closed = true;
    if (where == direction::to_client) push(where, answers_.rest());
    if (s.to < 0) ended_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    end(ending::rst);
  }
}

void link::take(direction where, std::string_view bytes) {
  if (where == direction::to_server) {
    look_at_request(bytes);
    push(where, std::string(bytes));
  } else {
    answers_.add(bytes);
    take_answers();
  }
}

void link::look_at_request(std::string_view bytes) {
  if (!first_packet_) return;
  // After a refusal the client sends its start-up packet, or asks again.
  first_packet_ = asks_for_encryption(bytes);
  if (first_packet_) answers_.expect_single_byte();
  if (bytes[0] == tls_handshake) answers_.stop_splitting();
}

// Messages that have arrived whole, and what is to be said between them.
void link::take_answers() {
  std::string all;
  for (auto one = answers_.next(); !one.empty(); one = answers_.next()) {
    if (owner_.filter_ && !answers_.encrypted()) {
      one = owner_.filter_(one[0], one);
    }
    all += one;
  }
  all += std::exchange(injected_, "");
  push(direction::to_client, std::move(all));
}

void link::inject(const std::string &bytes) {
  injected_ += bytes;
  take_answers();
}

void link::push(direction where, std::string bytes) {
  if (bytes.empty()) return;
  const int depth =
      where == direction::to_server ? owner_.trips_ + 1 : depth_at_server_;
  streams_[index(where)].queue.push_back(
      {steady::now() + owner_.delay_[index(where)], depth, std::move(bytes)});
}

void link::write(direction where) {
  stream &s = streams_[index(where)];
  s.blocked = false;
  if (owner_.stalled_[index(where)] || s.silent || s.to < 0) return;
  const auto now = steady::now();
  while (!s.queue.empty() && s.queue.front().due <= now) {
    if (!write_chunk(where, s.queue.front())) return;
    delivered(where, s.queue.front().depth);
    s.queue.pop_front();
  }
  if (s.closed && s.queue.empty() && !s.passed) {
    shutdown(s.to, SHUT_WR);
    s.passed = true;
  }
}

bool link::write_chunk(direction where, chunk &what) {
  stream &s = streams_[index(where)];
  auto &allowance = owner_.allowance_[index(where)];
  const std::size_t wanted =
      allowance ? std::min<std::uint64_t>(what.bytes.size(), *allowance)
                : what.bytes.size();
  const auto sent = wanted == 0 ? 0
                                : send(s.to, what.bytes.data(), wanted,
                                       MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
    s.blocked = true;
    return false;
  }
  if (sent < 0) {
    end(ending::rst);
    return false;
  }
  owner_.passed_[index(where)] += static_cast<std::uint64_t>(sent);
  what.bytes.erase(0, static_cast<std::size_t>(sent));
  if (allowance) {
    *allowance -= static_cast<std::uint64_t>(sent);
    if (*allowance == 0) {
      allowance.reset();
      end(owner_.how_);
      return false;
    }
  }
  s.blocked = !what.bytes.empty();
  return what.bytes.empty();
}

void link::delivered(direction where, int depth) {
  if (where == direction::to_server) {
    depth_at_server_ = std::max(depth_at_server_, depth);
  } else if (depth > owner_.trips_) {
    owner_.trips_ = depth;
  }
}

void link::end(ending how) {
  for (auto &s : streams_) {
    if (how == ending::silence) {
      s.silent = true;
    } else if (s.from >= 0) {
      if (how == ending::rst) {
        const linger reset{1, 0};
        setsockopt(s.from, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      } else {
        shutdown(s.from, SHUT_RDWR);
      }
    }
  }
  ended_ = how != ending::silence;
}

}  // namespace test_proxy
