// One connection through the proxy, message by message.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_LINK_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_LINK_HPP_

#include <poll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace harness {

// Cuts a stream of PostgreSQL's protocol into messages.
class Messages {
 public:
  // A client's first message has no letter in front.
  explicit Messages(bool first_is_plain) : plain_(first_is_plain) {}

  void feed(const char *bytes, std::size_t count) {
    rest_.append(bytes, count);
  }
  // The next complete message, or nothing.
  std::optional<std::string> next();

 private:
  bool plain_;
  std::string rest_;
};

// The unsigned number in four bytes of `message`.
std::uint32_t number_at(const std::string &message, std::size_t place);

class Link {
 public:
  // Owns both sockets, which do not block.
  Link(int client, int server) : client_(client), server_(server) {}
  ~Link();
  Link(const Link &) = delete;
  Link &operator=(const Link &) = delete;

  int backend() const { return backend_; }
  // Does the client wait for nothing, and is it in the middle of nothing?
  bool idle() const;
  // Says something to the server in the client's name.  Only when idle.
  void inject(const std::string &statement);
  // Is what we said not answered yet?
  bool injecting() const { return ours_; }
  // Did the answer to it have rows?
  bool gave_rows() const { return rows_; }

  // What to wait for: client, server.
  std::array<pollfd, 2> interests() const;
  // Moves what can be moved; false when the connection is over.
  bool move(const std::array<pollfd, 2> &ready);

 private:
  bool read_client();
  bool read_server();

  int client_;
  int server_;
  Messages from_client_{true};
  Messages from_server_{false};
  std::string to_client_;
  std::string to_server_;
  int owed_ = 1;  // ReadyForQuery: after the start-up, and after each query
  bool midway_ = false;  // the client has begun a query and not ended it
  bool ours_ = false;    // the server answers us, not the client
  bool rows_ = false;    // it sent us some
  bool server_ended_ = false;
  int backend_ = 0;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_LINK_HPP_
