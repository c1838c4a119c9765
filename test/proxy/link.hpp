// One client, its connection to the server, and what is between them.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "direction.hpp"
#include "messages.hpp"

namespace test_proxy {

class proxy;

using steady = std::chrono::steady_clock;

// All functions are called with the mutex of the proxy held.
class link {
 public:
  // Owns both sockets.  `server` is -1 for a link that leads nowhere.
  link(proxy &owner, int client, int server);
  link(const link &) = delete;
  link &operator=(const link &) = delete;
  ~link();

  // Adds what this link waits for.
  void prepare(std::vector<pollfd> &fds);
  // When the next bytes are due to be passed on.
  [[nodiscard]] steady::time_point next_due() const;
  // Reads and writes what can be, after `fds` were polled.
  void serve(const std::vector<pollfd> &fds);
  void inject(const std::string &bytes);
  void end(ending how);
  void forget_trips() { depth_at_server_ = 0; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  // Bytes on their way, and how many round trips led to them.
  struct chunk {
    steady::time_point due;
    int depth;
    std::string bytes;
  };
  struct stream {
    int from;
    int to;
    bool closed = false;   // the sender has closed its side
    bool passed = false;   // and the receiver knows
    bool blocked = false;  // the receiver reads too slowly
    bool silent = false;   // was cut without a word
    std::optional<std::size_t> polled_at = {};  // its place among the fds
    std::deque<chunk> queue = {};
  };

  void read(direction where);
  void take(direction where, std::string_view bytes);
  void look_at_request(std::string_view bytes);
  void take_answers();
  void push(direction where, std::string bytes);
  void write(direction where);
  // Writes a chunk.  False: not all of it could be.
  bool write_chunk(direction where, chunk &what);
  void delivered(direction where, int depth);

  proxy &owner_;
  std::array<stream, 2> streams_;
  message_splitter answers_;
  std::string injected_;
  bool first_packet_ = true;
  int depth_at_server_ = 0;
  bool ended_ = false;
};

}  // namespace test_proxy
