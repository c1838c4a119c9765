// The proxy as a program, for tests in shell and Perl.  See README.md.
#include <spawn.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>

#include "proxy.hpp"

namespace {

using namespace test_proxy;  // NOLINT

constexpr const char *usage = "usage: proxy [--delay MS] [-- COMMAND ARG...]\n";

struct bad_command {};

template <class T>
T word(std::istream &in) {
  T value;
  if (!(in >> value)) throw bad_command{};
  return value;
}

direction direction_of(const std::string &text) {
  if (text == "up") return direction::to_server;
  if (text == "down") return direction::to_client;
  throw bad_command{};
}

bool on_of(const std::string &text) {
  if (text != "on" && text != "off") throw bad_command{};
  return text == "on";
}

ending ending_of(const std::string &text) {
  if (text == "fin") return ending::fin;
  if (text == "rst") return ending::rst;
  if (text == "silence") return ending::silence;
  throw bad_command{};
}

std::string from_hex(const std::string &hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Carries out one line, and answers with one line.
std::string obey(proxy &p, const std::string &line) {
  std::istringstream in(line);
  const auto what = word<std::string>(in);
  if (what == "delay") {
    const auto up = std::chrono::microseconds(word<long>(in));
    p.delay(up, std::chrono::microseconds(word<long>(in)));
  } else if (what == "stall") {
    const auto where = direction_of(word<std::string>(in));
    p.stall(where, on_of(word<std::string>(in)));
  } else if (what == "cut") {
    const auto where = direction_of(word<std::string>(in));
    const auto bytes = word<std::uint64_t>(in);
    p.cut(where, bytes, ending_of(word<std::string>(in)));
  } else if (what == "inject") {
    p.inject(from_hex(word<std::string>(in)));
  } else if (what == "refuse") {
    p.refuse(on_of(word<std::string>(in)));
  } else if (what == "deafen") {
    p.deafen(on_of(word<std::string>(in)));
  } else if (what == "end") {
    p.end_links(ending_of(word<std::string>(in)));
  } else if (what == "reset") {
    p.reset_trips();
  } else if (what == "trips") {
    return std::to_string(p.trips());
  } else if (what == "accepted") {
    return std::to_string(p.accepted());
  } else if (what == "links") {
    return std::to_string(p.links());
  } else if (what == "passed") {
    return std::to_string(p.passed(direction_of(word<std::string>(in))));
  } else {
    throw bad_command{};
  }
  return "ok";
}

int serve_commands(proxy &p) {
  std::cout << p.port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << obey(p, line) << std::endl;
    } catch (const bad_command &) {
      std::cout << "error: cannot understand \"" << line << '"' << std::endl;
    }
  }
  return 0;
}

// Runs the command through the proxy, and says how many round trips it took.
int run_command(const proxy &p, char **command) {
  setenv("PGHOST", "127.0.0.1", 1);
  setenv("PGPORT", std::to_string(p.port()).c_str(), 1);
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, command[0], nullptr, nullptr, command, environ);
  if (error != 0) {
    std::cerr << "proxy: " << command[0] << ": " << std::strerror(error)
              << '\n';
    return 127;
  }
  int status = 0;
  waitpid(pid, &status, 0);
  std::cerr << "trips: " << p.trips() << '\n';
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char **argv) {
  proxy p;
  int i = 1;
  for (; i < argc && std::string(argv[i]) != "--"; ++i) {
    if (std::string(argv[i]) != "--delay" || i + 1 == argc) {
      std::cerr << usage;
      return 64;
    }
    const std::chrono::microseconds each(
        std::lround(std::stod(argv[++i]) * 1000));
    p.delay(each, each);
  }
  return i + 1 < argc ? run_command(p, argv + i + 1) : serve_commands(p);
}
