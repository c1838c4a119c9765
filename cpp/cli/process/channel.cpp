#include "process/channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>

namespace pg_exclusive::cli {

namespace {

/// Room for one descriptor, aligned as the kernel wants it.
union control_buffer {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

}  // namespace

std::pair<channel, channel> channel::make_pair() {
  std::array<int, 2> ends{};
  check_errno(
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()),
      "could not create a pair of sockets");
  return {channel{ends[0]}, channel{ends[1]}};
}

void channel::send(const packet &m, int attached) const noexcept {
  iovec part{const_cast<packet *>(&m), sizeof m};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;

  control_buffer control{};
  if (attached >= 0) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof attached);
    std::memcpy(CMSG_DATA(rights), &attached, sizeof attached);
  }
  while (sendmsg(fd(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
         errno == EINTR) {
  }
}

std::optional<channel::received> channel::receive() const {
  received result{};
  iovec part{&result.what, sizeof result.what};
  control_buffer control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();

  ssize_t got = 0;
  do {
    // A reset, told once, means that the other end is gone and had something
    // unread. What it has said before comes after that.
    got = recvmsg(fd(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got != static_cast<ssize_t>(sizeof result.what)) {
    return std::nullopt;
  }
  const cmsghdr *rights = CMSG_FIRSTHDR(&header);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    result.attached.reset(fd);
  }
  return result;
}

}  // namespace pg_exclusive::cli
