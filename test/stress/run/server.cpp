#include "run/server.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "nodes/session.hpp"
#include "run/process.hpp"

namespace harness {
namespace {

using std::chrono::seconds;

constexpr seconds kPatience{30};

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  if (value == nullptr) {
    throw std::runtime_error(std::string(name) +
                             " is not set; run me by test/lib/with-server");
  }
  return value;
}

// The end of a log, for error messages.
std::string tail(const std::string &path) {
  constexpr std::streamoff kLength = 1000;
  std::ifstream file(path, std::ios::ate);
  file.seekg(-std::min<std::streamoff>(file.tellg(), kLength), std::ios::end);
  return {std::istreambuf_iterator<char>(file), {}};
}

void must_happen(bool happened, const std::string &what) {
  if (!happened) {
    throw std::runtime_error(what + " did not happen in time");
  }
}

}  // namespace

Postmaster::Postmaster(std::string data, std::string socket_directory, int port,
                       std::string user)
    : data_(std::move(data)),
      socket_directory_(std::move(socket_directory)),
      port_(port),
      user_(std::move(user)) {}

std::string Postmaster::conninfo() const {
  return "host=" + socket_directory_ + " port=" + std::to_string(port_) +
         " user=postgres dbname=test connect_timeout=3";
}

pid_t Postmaster::pid() const {
  std::ifstream file(data_ + "/postmaster.pid");
  pid_t pid = 0;
  return file >> pid && pid > 0 && alive(pid) ? pid : 0;
}

int Postmaster::program(const std::vector<std::string> &arguments) const {
  Command command;
  command.arguments = arguments;
  command.user = user_;
  command.output = socket_directory_ + "/programs.log";
  return run(command);
}

// What a killed postmaster leaves would stop the next one.
void Postmaster::forget_sockets() const {
  const std::string socket =
      socket_directory_ + "/.s.PGSQL." + std::to_string(port_);
  std::filesystem::remove(socket);
  std::filesystem::remove(socket + ".lock");
  std::filesystem::remove(data_ + "/postmaster.pid");
}

void Postmaster::start() {
  forget_sockets();
  Command command;
  command.arguments = {"postgres", "-D", data_, "-p", std::to_string(port_)};
  command.user = user_;
  command.output = socket_directory_ + "/log";
  const pid_t child = harness::start(command);
  must_happen(wait_until(
                  [&] {
                    if (waitpid(child, nullptr, WNOHANG) == child) {
                      throw std::runtime_error("the server does not start: " +
                                               tail(command.output));
                    }
                    return Session(conninfo()).connected();
                  },
                  kPatience),
              "the start of the server");
}

void Postmaster::kill_hard() {
  const pid_t postmaster = pid();
  if (postmaster == 0) {
    return;
  }
  kill(postmaster, SIGSTOP);  // so that it starts nothing more
  std::vector<pid_t> all = descendants(postmaster);
  all.push_back(postmaster);
  for (const pid_t process : all) {
    kill(process, SIGKILL);
  }
  must_happen(wait_until(
                  [&] {
                    waitpid(postmaster, nullptr, WNOHANG);
                    for (const pid_t process : all) {
                      if (alive(process)) {
                        return false;
                      }
                    }
                    return true;
                  },
                  kPatience),
              "the death of the server");
}

void Postmaster::kill_postmaster() {
  const pid_t postmaster = pid();
  const std::vector<pid_t> children = descendants(postmaster);
  kill(postmaster, SIGKILL);
  must_happen(wait_until(
                  [&] {
                    waitpid(postmaster, nullptr, WNOHANG);
                    for (const pid_t child : children) {
                      if (alive(child)) {
                        return false;
                      }
                    }
                    return !alive(postmaster);
                  },
                  kPatience),
              "the end of the orphaned backends");
}

void Postmaster::stop_immediately() {
  const pid_t postmaster = pid();
  program({"pg_ctl", "stop", "-s", "-D", data_, "-m", "immediate"});
  waitpid(postmaster, nullptr, WNOHANG);
}

void Postmaster::stop() {
  const pid_t postmaster = pid();
  program({"pg_ctl", "stop", "-s", "-D", data_, "-m", "fast"});
  waitpid(postmaster, nullptr, WNOHANG);
}

void Postmaster::promote() {
  program({"pg_ctl", "promote", "-s", "-W", "-D", data_});
  must_happen(wait_until(
                  [&] {
                    Session session(conninfo());
                    return session.connected() &&
                           session.exec("SELECT NOT pg_is_in_recovery()").yes();
                  },
                  kPatience),
              "the promotion");
}

Cluster::Cluster(const std::string &directory)
    : socket_directory_(environment("PGHOST")),
      user_(environment("SERVER_USER")) {
  const int port = std::stoi(environment("PGPORT"));
  places_.emplace_back(environment("PGDATA"), socket_directory_, port, user_);
  places_.emplace_back(directory + "/standby", socket_directory_, port + 1,
                       user_);
}

Cluster::~Cluster() {
  try {
    places_[1].stop_immediately();
    places_[0].stop_immediately();
  } catch (const std::exception &) {
    // with-server stops what is left of the first one
  }
}

std::string Cluster::conninfo(const std::string &address) const {
  const std::string host = address.empty() ? socket_directory_ : address;
  return "host=" + host + "," + host +
         " port=" + std::to_string(places_[0].port()) + "," +
         std::to_string(places_[1].port()) +
         " user=postgres dbname=test connect_timeout=2"
         " target_session_attrs=read-write";
}

void Cluster::make_standby() {
  other().kill_hard();
  std::filesystem::remove_all(other().data());
  if (primary().program({"pg_basebackup", "-h", socket_directory_, "-p",
                         std::to_string(primary().port()), "-U", "postgres",
                         "-D", other().data(), "-c", "fast", "-R", "-X",
                         "stream"}) != 0) {
    throw std::runtime_error("pg_basebackup failed");
  }
  other().start();
  must_happen(wait_until(
                  [&] {
                    Session session(primary().conninfo());
                    return session
                        .exec(
                            "SELECT EXISTS (SELECT FROM pg_stat_replication"
                            " WHERE state = 'streaming')")
                        .yes();
                  },
                  kPatience),
              "streaming");
}

void Cluster::fail_over() {
  Session standby(other().conninfo());
  const pid_t receiver =
      static_cast<pid_t>(standby
                             .exec("SELECT pid FROM pg_stat_activity"
                                   " WHERE backend_type = 'walreceiver'")
                             .number());
  if (receiver == 0) {
    throw std::runtime_error("the standby has no receiver");
  }
  kill(receiver, SIGSTOP);
  timespec lag{0, 150'000'000};  // what is granted now, the standby never sees
  nanosleep(&lag, nullptr);
  primary().kill_hard();
  other().program({"pg_ctl", "promote", "-s", "-W", "-D", other().data()});
  kill(receiver, SIGCONT);
  other().promote();
  primary_ = 1 - primary_;
}

}  // namespace harness
