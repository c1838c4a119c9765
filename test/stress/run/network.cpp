#include "run/network.hpp"

#include <unistd.h>

#include <sstream>
#include <vector>

#include "run/process.hpp"

namespace harness {
namespace {

std::vector<std::string> words(const std::string &text) {
  std::istringstream in(text);
  std::vector<std::string> found;
  for (std::string word; in >> word;) {
    found.push_back(word);
  }
  return found;
}

Command quiet(const std::string &text) {
  Command command;
  command.arguments = words(text);
  command.output = "/dev/null";
  return command;
}

}  // namespace

bool Network::possible() {
  if (geteuid() != 0) {
    return false;
  }
  const std::string name = "pgxprobe" + std::to_string(getpid());
  return run(quiet("ip netns add " + name)) == 0 &&
         run(quiet("ip netns del " + name)) == 0;
}

Network::Network() {
  const int id = getpid() % 16000;
  const std::string name = std::to_string(getpid());
  router_ = "pgxrouter" + name;
  far_ = "pgxfar" + name;
  link_ = "pgx" + name;
  // Two /30 subnets of 10.203.0.0/16 that depend on our pid.
  const auto address = [](int number) {
    return "10.203." + std::to_string(number / 256) + "." +
           std::to_string(number % 256);
  };
  server_address_ = address(id * 4 + 1);
  far_subnet_ = "10.204." + std::to_string(id * 4 / 256) + "." +
                std::to_string(id * 4 % 256) + "/30";
  try {
    build();
  } catch (...) {
    destroy();
    throw;
  }
}

void Network::build() {
  const std::string near_router =
      server_address_.substr(0, server_address_.rfind('.') + 1) +
      std::to_string(
          std::stoi(server_address_.substr(server_address_.rfind('.') + 1)) +
          1);
  const std::string base = far_subnet_.substr(0, far_subnet_.rfind('.') + 1);
  const int first = std::stoi(far_subnet_.substr(far_subnet_.rfind('.') + 1));
  const std::string far_router = base + std::to_string(first + 1);
  const std::string far_node = base + std::to_string(first + 2);
  const std::string near = link_ + "a";
  const std::string beyond = link_ + "b";
  const std::string in_router = "ip -n " + router_ + " ";
  const std::string in_far = "ip -n " + far_ + " ";
  for (const std::string &step :
       {"ip netns add " + router_, "ip netns add " + far_,
        "ip link add " + near + " type veth peer name near netns " + router_,
        "ip link add " + beyond + " netns " + far_ +
            " type veth peer name beyond netns " + router_,
        "ip address add " + server_address_ + "/30 dev " + near,
        in_router + "address add " + near_router + "/30 dev near",
        in_router + "address add " + far_router + "/30 dev beyond",
        in_far + "address add " + far_node + "/30 dev " + beyond,
        "ip link set " + near + " up", in_router + "link set near up",
        in_router + "link set beyond up", in_far + "link set lo up",
        in_far + "link set " + beyond + " up",
        "ip route add " + far_subnet_ + " via " + near_router,
        in_far + "route add default via " + far_router}) {
    must_run(quiet(step));
  }
  mend();
}

void Network::forward(bool on) {
  // Written inside the router's namespace: /proc shows that of the reader.
  Command command;
  command.arguments = {"sh", "-c",
                       std::string("echo ") + (on ? "1" : "0") +
                           " > /proc/sys/net/ipv4/ip_forward"};
  command.network = router_;
  must_run(command);
}

void Network::destroy() {
  run(quiet("ip netns del " + router_));
  run(quiet("ip netns del " + far_));
  run(quiet("ip link del " + link_ + "a"));
}

Network::~Network() { destroy(); }

}  // namespace harness
