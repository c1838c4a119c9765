// A proxy between PostgreSQL clients and a server that makes the network bad:
// far, silent, torn or talkative.  It also counts how many round trips a talk
// needs.
//
// One thread serves all links.  Every public function may be called from any
// thread and acts at once on the links that are open, and on later ones.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "direction.hpp"

namespace test_proxy {

class link;

// Where the server listens.  A host that starts with a slash is the directory
// of its Unix socket.
struct target {
  std::string host;
  int port = 5432;
};

// The server that PGHOST and PGPORT name.
target target_from_environment();

// Looks at a message of the server, and returns what the client gets instead.
// `type` is the first byte of the message, `message` is all of it.  Runs on
// the thread of the proxy.
using message_filter =
    std::function<std::string(char type, std::string_view message)>;

class proxy {
 public:
  // Listens on a free port of 127.0.0.1.
  explicit proxy(target server = target_from_environment());
  proxy(const proxy &) = delete;
  proxy &operator=(const proxy &) = delete;
  ~proxy();

  [[nodiscard]] int port() const noexcept { return port_; }
  // A connection string for this proxy.
  [[nodiscard]] std::string conninfo() const;

  // Holds back everything for this long.
  void delay(std::chrono::microseconds to_server,
             std::chrono::microseconds to_client);
  // Passes nothing on in this direction until it is called with false.  The
  // sender notices nothing.
  void stall(direction where, bool on);
  // Lets `bytes` more pass in this direction, then ends that link.
  void cut(direction where, std::uint64_t bytes, ending how);
  // Sends these bytes to every client at its next message boundary.
  void inject(const std::string &bytes);
  // Changes messages from the server.  An empty function ends it.
  void filter(message_filter change);
  // While refusing, new connections are closed at once.
  void refuse(bool on);
  // While deaf, new connections are accepted and nothing is passed on.
  void deafen(bool on);
  // Ends all links that are open.
  void end_links(ending how);

  // The round trips since the last reset: the length of the longest chain of
  // requests of which each was sent after an answer to the one before.
  // Requests that were on their way together count once.  An answer that no
  // client has received does not count.
  [[nodiscard]] int trips() const;
  void reset_trips();
  // How many connections were accepted.
  [[nodiscard]] int accepted() const;
  // How many links are open now.
  [[nodiscard]] int links() const;
  // How many bytes were passed on.
  [[nodiscard]] std::uint64_t passed(direction where) const;

 private:
  friend class link;

  void run();
  void wake() const;
  void accept_link();
  // Waits for something to do and does it.
  void serve(std::unique_lock<std::mutex> &lock);
  void drop_ended();

  const target server_;
  int listen_ = -1;
  int wake_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};

  mutable std::mutex access_;
  // All of these under access_, which the thread leaves only to wait.  So a
  // count is right as soon as a client can know of what was counted.
  int trips_ = 0;
  int accepted_ = 0;
  std::array<std::uint64_t, 2> passed_{};
  std::list<std::unique_ptr<link>> links_;
  std::array<std::chrono::microseconds, 2> delay_{};
  std::array<bool, 2> stalled_{};
  std::array<std::optional<std::uint64_t>, 2> allowance_;
  ending how_ = ending::fin;
  message_filter filter_;
  bool refusing_ = false;
  bool deaf_ = false;

  std::thread thread_;
};

}  // namespace test_proxy
