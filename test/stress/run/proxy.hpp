// A pooler of the worst kind: it passes on whatever a client and the server
// say, and now and then says something of its own to the server in between, on
// the session that the client thinks is its own.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_PROXY_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_PROXY_HPP_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace harness {

class Link;

// **Thread safety.** All of it may be called from any thread.
class Proxy {
 public:
  // Listens on a socket in `directory`; the server's is in `server_directory`.
  // Throws std::system_error.
  Proxy(std::string directory, std::string server_directory, int port);
  ~Proxy();
  Proxy(const Proxy &) = delete;
  Proxy &operator=(const Proxy &) = delete;

  // New connections go to the server on that port.
  void aim(int server_port) { server_port_ = server_port; }
  std::string conninfo() const;

  // The pids of the backends behind it, separated by commas.
  std::string backends() const;

  // Says `statement` to that backend as soon as its client waits for nothing,
  // if the query `condition` gives a row there, and keeps the answers to
  // itself. False: it was not said within `patience`, and will not be.
  bool inject(int backend, const std::string &condition,
              const std::string &statement, std::chrono::milliseconds patience);

 private:
  void run();
  void accept_client();
  void serve_request();
  void continue_request(bool there);

  std::string directory_;
  std::string server_directory_;
  int port_;
  int listener_;
  std::atomic<int> server_port_;
  std::vector<std::unique_ptr<Link>> links_;  // of our thread

  // What is asked of our thread; backend 0: nothing.
  struct Request {
    int backend = 0;
    std::string condition;
    std::string statement;
    Link *link = nullptr;  // on which the condition was said
    bool said = false;     // the statement too
  };
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  Request request_;
  std::string backends_;

  std::jthread thread_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_PROXY_HPP_
