// Packets between front, guard and init, with a descriptor when needed.
//
// A packet to a process that has ended is dropped. Its death is noticed by
// other means (SIGCHLD, pidfd), never by an error here.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

namespace pg_exclusive::cli {

enum class packet_kind : std::int32_t {
  forked,      ///< guard: the command's process waits; `value`: pid; its pidfd
  child,       ///< init: what became of it; as waitid() says: code and status
  granted,     ///< guard: we hold the lock; `token`; the lock's socket
  tree_ended,  ///< guard: no process of the command lives; `value`, `signal`
  ended,       ///< guard: and the lock is free; `value`, `signal`
  started,     ///< front: the command was told to go
  cancel,      ///< front: it was not and will not be; `value`: the signal
  signalled,   ///< front: a signal was passed on to it; `value`: the signal
};

struct packet {
  packet_kind kind;
  std::int32_t value = 0;   ///< mostly an exit code
  std::int32_t signal = 0;  ///< the signal that ended the command, if one did
  std::int32_t has_token = 0;
  std::int64_t token = 0;
};

/// One end of a pair of sockets that keep the bounds of packets.
class channel {
 public:
  channel() = default;
  static std::pair<channel, channel> make_pair();

  void send(const packet &m, int attached = -1) const noexcept;

  struct received {
    packet what;
    unique_fd attached;
  };
  /// The next packet if there is one. Never blocks.
  [[nodiscard]] std::optional<received> receive() const;

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Nothing more is expected: poll() ignores it from now on.
  void close() noexcept { socket_.reset(); }

 private:
  explicit channel(int fd) : socket_{fd} {}
  unique_fd socket_;
};

}  // namespace pg_exclusive::cli
