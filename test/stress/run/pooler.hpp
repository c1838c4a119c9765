// PgBouncer before the primary: in session mode, and in transaction mode for
// leases.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_POOLER_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_POOLER_HPP_

#include <sys/types.h>

#include <string>

namespace harness {

class Pooler {
 public:
  // Returns whether PgBouncer is installed.
  static bool possible();

  Pooler(std::string socket_directory, int port, std::string user);
  ~Pooler();
  Pooler(const Pooler &) = delete;
  Pooler &operator=(const Pooler &) = delete;

  // In front of the server on `server_port`.  Returns when it answers.
  void start(int server_port);
  // At once, with all of its connections.
  void stop();
  // Database "leases" is "test" in transaction mode.
  std::string conninfo(const std::string &database = "test") const;

 private:
  std::string socket_directory_;
  int port_;
  std::string user_;
  pid_t pid_ = 0;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_POOLER_HPP_
