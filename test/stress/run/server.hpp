// The server under test: one running primary, and the directory of a standby
// that takes its place.  Every way to stop it that the nemesis needs.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_SERVER_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_SERVER_HPP_

#include <sys/types.h>

#include <string>
#include <vector>

namespace harness {

// One data directory and the postmaster that runs on it, if any.
class Postmaster {
 public:
  Postmaster(std::string data, std::string socket_directory, int port,
             std::string user);

  void start();             // returns when it accepts connections
  void kill_hard();         // SIGKILL to the postmaster and all of its children
  void kill_postmaster();   // SIGKILL to the postmaster; the children notice
  void stop_immediately();  // pg_ctl stop -m immediate
  void stop();              // pg_ctl stop -m fast
  void promote();           // returns when it accepts writes

  pid_t pid() const;  // 0: not running
  int port() const { return port_; }
  const std::string &data() const { return data_; }
  std::string conninfo() const;
  // Runs a client or server program as the server's user.
  int program(const std::vector<std::string> &arguments) const;

 private:
  void forget_sockets() const;

  std::string data_;
  std::string socket_directory_;
  int port_;
  std::string user_;
};

// Two places for a server, one of which is the primary.
class Cluster {
 public:
  // Takes over the running server that test/lib/with-server started, from its
  // environment.
  explicit Cluster(const std::string &directory);
  ~Cluster();
  Cluster(const Cluster &) = delete;
  Cluster &operator=(const Cluster &) = delete;

  Postmaster &primary() { return places_[primary_]; }
  Postmaster &other() { return places_[1 - primary_]; }

  // Libpq's words for "whichever of the two is the primary".
  std::string conninfo(const std::string &address = "") const;

  // Makes the other place a streaming standby of the primary.
  void make_standby();
  // The primary dies, the standby takes its place, with whatever it has.
  void fail_over();

 private:
  std::string socket_directory_;
  std::string user_;
  int primary_ = 0;
  std::vector<Postmaster> places_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_SERVER_HPP_
