#include "run/pooler.hpp"

#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "nodes/session.hpp"
#include "run/process.hpp"

namespace harness {

bool Pooler::possible() {
  Command command;
  command.arguments = {"pgbouncer", "--version"};
  command.output = "/dev/null";
  return run(command) == 0;
}

Pooler::Pooler(std::string socket_directory, int port, std::string user)
    : socket_directory_(std::move(socket_directory)),
      port_(port),
      user_(std::move(user)) {}

Pooler::~Pooler() { stop(); }

std::string Pooler::conninfo(const std::string &database) const {
  return "host=" + socket_directory_ + " port=" + std::to_string(port_) +
         " user=postgres dbname=" + database + " connect_timeout=2";
}

void Pooler::start(int server_port) {
  const std::string file = socket_directory_ + "/pgbouncer.ini";
  // Clients with leases share two connections, in transaction mode.
  std::ofstream(file) << "[databases]\nleases = host=" << socket_directory_
                      << " port=" << server_port
                      << " user=postgres dbname=test pool_mode=transaction"
                         " pool_size=2\n* = host="
                      << socket_directory_ << " port=" << server_port
                      << " user=postgres\n"
                      << "[pgbouncer]\nlisten_addr =\nlisten_port = " << port_
                      << "\nunix_socket_dir = " << socket_directory_
                      << "\nauth_type = any\npool_mode = session\n"
                         "default_pool_size = 50\nserver_login_retry = 0.1\n"
                         "max_client_conn = 200\n";
  std::filesystem::remove(socket_directory_ + "/.s.PGSQL." +
                          std::to_string(port_));
  Command command;
  command.arguments = {"pgbouncer", "-q", file};
  command.user = user_;
  command.output = socket_directory_ + "/pgbouncer.log";
  pid_ = harness::start(command);
  const bool answers =
      wait_until([&] { return Session(conninfo()).connected(); },
                 std::chrono::seconds(15));
  if (!answers) {
    throw std::runtime_error("PgBouncer does not answer; see " +
                             command.output);
  }
}

void Pooler::stop() {
  if (pid_ == 0) {
    return;
  }
  kill(pid_, SIGTERM);
  const bool ended =
      wait_until([&] { return waitpid(pid_, nullptr, WNOHANG) == pid_; },
                 std::chrono::seconds(5));
  if (!ended) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_ = 0;
}

}  // namespace harness
