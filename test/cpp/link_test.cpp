// A link that is silently dropped: the old holder has given up before the new
// one is granted.
//
// Clients in a network namespace of their own; both ends know each other's
// hardware address for good, so that nobody is told EHOSTUNREACH, and then the
// server's address goes away.  Needs root, and a server that listens on all
// addresses.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

constexpr int clients = 20;
constexpr auto lease = 1500ms;

bool run(const std::string &command) {
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe)
  return std::system((command + " 2>/dev/null").c_str()) == 0;
}

// A pair of virtual cards, one of them in a namespace.
class link {
 public:
  link() : name_("pgx" + std::to_string(getpid() % 100000)) {
    ready_ = run("ip netns add " + name_) &&
             run("ip link add " + name_ + "a type veth peer name " + name_ +
                 "b netns " + name_) &&
             run("ip addr add " + server + "/30 dev " + name_ + "a") &&
             run("ip link set " + name_ + "a up") &&
             inside("ip addr add " + client_side + "/30 dev " + name_ + "b") &&
             inside("ip link set " + name_ + "b up") && know_each_other();
  }
  link(const link &) = delete;
  link &operator=(const link &) = delete;
  ~link() {
    run("ip route del blackhole " + client_side + "/32");
    run("ip netns del " + name_);
    run("ip link del " + name_ + "a");
  }
  [[nodiscard]] bool ready() const { return ready_; }

  // From here on nothing arrives, on either side, and nobody is told.
  bool cut() const {
    return run("ip route add blackhole " + client_side + "/32") &&
           run("ip addr del " + server + "/30 dev " + name_ + "a");
  }
  // Moves the calling process inside, before it starts a thread.
  void enter() const {
    const int fd = open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC);
    if (setns(fd, CLONE_NEWNET) != 0) throw std::runtime_error("setns");
    close(fd);
  }

  const std::string server = address(1);
  const std::string client_side = address(2);

 private:
  // Of a range that is reserved for tests; several may run at once.
  static std::string address(int host) {
    const int pid = getpid();
    return "198.18." + std::to_string(pid / 64 % 256) + "." +
           std::to_string(pid % 64 * 4 + host);
  }
  bool inside(const std::string &command) const {
    return run("ip netns exec " + name_ + " " + command);
  }
  bool know_each_other() const {
    const std::string mac = "$(cat /sys/class/net/" + name_ + "a/address)";
    return inside("sh -c 'ip neigh replace " + server + " lladdr '" + mac +
                  "' nud permanent dev " + name_ + "b'") &&
           run("ip neigh replace " + client_side + " lladdr $(ip netns exec " +
               name_ + " cat /sys/class/net/" + name_ +
               "b/address) nud permanent dev " + name_ + "a");
  }

  std::string name_;
  bool ready_ = false;
};

// `clients` clients inside hold a lock each when the link is cut: some of them
// in the middle of a heartbeat, because they began at different moments.
void cut_while_holding(std::chrono::milliseconds after) {
  const link wire;
  ASSERT_TRUE(wire.ready());
  const diaries notes(clients);
  std::vector<lock_name> names;
  for (int i = 0; i < clients; ++i) names.push_back(unique_name("link"));
  child inside([&] {
    wire.enter();
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&, i] {
        std::this_thread::sleep_for(lease / 3 * i / clients);
        patiently(notes[i], [&] {
          client locks{"host=" + wire.server, {.lease = lease}};
          const hold held = *locks.try_lock(names[i]);
          notes[i].watch(held);
        });
      });
    }
    return 0;
  });
  for (int i = 0; i < clients; ++i) {
    ASSERT_TRUE(eventually([&] { return notes[i].holding.load(); }, 120s));
  }
  std::this_thread::sleep_for(after);
  ASSERT_TRUE(wire.cut());
  std::vector<std::jthread> others;
  std::atomic<int> right{0};
  for (int i = 0; i < clients; ++i) {
    others.emplace_back([&, i] {
      client locks;
      const auto mine = locks.lock(names[i], {.wait = 60s});
      const auto granted = pg_exclusive::boot_clock::now().time_since_epoch();
      EXPECT_TRUE(mine);
      // It may not have had the time to write down that it is over.
      const bool before = notes[i].last_held < granted.count();
      EXPECT_TRUE(before) << "it believed in its lock when another one had it";
      const bool told = eventually([&] { return notes[i].lost_at != 0; });
      EXPECT_TRUE(told);
      right += before && told ? 1 : 0;
    });
  }
  others.clear();
  EXPECT_EQ(right, clients);
}

class link_test : public testing::Test {
 protected:
  void SetUp() override {
    const std::string probe = "pgx-probe" + std::to_string(getpid());
    if (geteuid() != 0 || !run("ip netns add " + probe)) {
      GTEST_SKIP() << "no network namespaces here";
    }
    run("ip netns del " + probe);
    const std::string data = std::getenv("PGDATA");  // NOLINT
    std::ofstream(data + "/pg_hba.conf", std::ios::app)
        << "host all all 198.18.0.0/15 trust\n";
    sql("SELECT pg_reload_conf()");
  }
};

TEST_F(link_test, dropped_between_heartbeats) { cut_while_holding(100ms); }

TEST_F(link_test, dropped_amid_heartbeats) { cut_while_holding(lease + 37ms); }

TEST_F(link_test, dropped_while_waiting_leaves_no_ghost) {
  const link wire;
  ASSERT_TRUE(wire.ready());
  const auto name = unique_name("link");
  client locks;
  std::optional<hold> held = *locks.try_lock(name);
  const diaries notes(1);
  child inside([&] {
    wire.enter();
    client far{"host=" + wire.server, {.lease = lease}};
    const auto state = sqlstate_of([&] { (void)far.lock(name); });
    return state == "08006" ? 0 : 1;
  });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  ASSERT_TRUE(wire.cut());
  EXPECT_EQ(inside.wait(), 0);  // the waiter is told
  held.reset();                 // perhaps granted to the ghost
  EXPECT_TRUE(client().lock(name, {.wait = 60s}));
}

}  // namespace
