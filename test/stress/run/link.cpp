#include "run/link.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace harness {
namespace {

constexpr std::size_t kBlock = 16384;

enum class Got : std::uint8_t { kSome, kNothing, kEnd };

Got receive(int fd, Messages &messages) {
  std::array<char, kBlock> bytes{};
  const ssize_t count = recv(fd, bytes.data(), bytes.size(), 0);
  if (count > 0) {
    messages.feed(bytes.data(), static_cast<std::size_t>(count));
    return Got::kSome;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Got::kNothing
                                                          : Got::kEnd;
}

// Sends what the socket takes; false when it is closed.
bool flush(int fd, std::string &text) {
  while (!text.empty()) {
    const ssize_t count = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    text.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

std::uint32_t number_at(const std::string &message, std::size_t place) {
  std::uint32_t number = 0;
  for (std::size_t i = place; i < place + sizeof number; ++i) {
    number = number << 8 | static_cast<unsigned char>(message.at(i));
  }
  return number;
}

std::optional<std::string> Messages::next() {
  const std::size_t letter = plain_ ? 0 : 1;
  if (rest_.size() < letter + sizeof(std::uint32_t)) {
    return std::nullopt;
  }
  const std::size_t length = letter + number_at(rest_, letter);
  if (rest_.size() < length) {
    return std::nullopt;
  }
  std::string message = rest_.substr(0, length);
  rest_.erase(0, length);
  plain_ = false;
  return message;
}

Link::~Link() {
  close(client_);
  close(server_);
}

bool Link::idle() const {
  return owed_ == 0 && !midway_ && !ours_ && to_server_.empty() &&
         !server_ended_;
}

void Link::inject(const std::string &statement) {
  const auto length =
      static_cast<std::uint32_t>(sizeof(std::uint32_t) + statement.size() + 1);
  std::string message(1, 'Q');
  for (int shift = 24; shift >= 0; shift -= 8) {
    message += static_cast<char>(length >> shift & 0xff);
  }
  to_server_ += message + statement + '\0';
  ours_ = true;
  rows_ = false;
}

std::array<pollfd, 2> Link::interests() const {
  const auto events = [](bool in, bool out) {
    return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0));
  };
  // The client has to wait while we speak.
  return {pollfd{client_, events(!ours_, !to_client_.empty()), 0},
          pollfd{server_ended_ ? -1 : server_,
                 events(true, !to_server_.empty()), 0}};
}

bool Link::read_client() {
  if (receive(client_, from_client_) == Got::kEnd) {
    return false;
  }
  while (const std::optional<std::string> message = from_client_.next()) {
    const char letter = message->front();  // 0: the start-up
    if (letter != '\0') {
      const bool ends = letter == 'Q' || letter == 'S' || letter == 'F';
      owed_ += ends ? 1 : 0;
      midway_ = !ends;
    }
    to_server_ += *message;
  }
  return true;
}

bool Link::read_server() {
  if (receive(server_, from_server_) == Got::kEnd) {
    server_ended_ = true;  // the client is told what is left first
    ours_ = false;
  }
  while (const std::optional<std::string> message = from_server_.next()) {
    const char letter = message->front();
    if (letter == 'K') {
      backend_ = static_cast<int>(number_at(*message, 5));
    }
    if (!ours_) {
      to_client_ += *message;
      owed_ -= letter == 'Z' ? 1 : 0;
    } else {
      rows_ = rows_ || letter == 'D';
      ours_ = letter != 'Z';
    }
  }
  return true;
}

bool Link::move(const std::array<pollfd, 2> &ready) {
  constexpr short kReadable = POLLIN | POLLHUP | POLLERR;
  if ((ready[0].revents & kReadable) != 0 && !ours_ && !read_client()) {
    return false;
  }
  if ((ready[0].revents & (POLLHUP | POLLERR)) != 0 && ours_) {
    return false;  // it ended while we spoke
  }
  if ((ready[1].revents & kReadable) != 0 && !read_server()) {
    return false;
  }
  if (!flush(client_, to_client_) ||
      (!server_ended_ && !flush(server_, to_server_))) {
    return false;
  }
  return !server_ended_ || !to_client_.empty();
}

}  // namespace harness
