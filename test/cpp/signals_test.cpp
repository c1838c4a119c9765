// Signals belong to the program: no thread of the library takes one.
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

std::string line_of(const std::filesystem::path &file,
                    const std::string &start) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  return "";
}

TEST(signals, are_blocked_in_all_threads_of_the_library) {
  client locks{"", short_lease()};
  client other;
  const auto name = unique_name();
  const hold held = *other.try_lock(name);
  std::jthread waiter([&] { (void)locks.lock(name, {.wait = 1s}); });
  ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
  int threads = 0;
  for (const auto &entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    const auto status = entry.path() / "status";
    const auto comm = line_of(status, "Name:\t");
    if (!comm.starts_with("pgx-")) continue;
    ++threads;
    const auto blocked = std::stoull(line_of(status, "SigBlk:\t"), nullptr, 16);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM}) {
      EXPECT_TRUE(blocked >> (signal - 1) & 1U) << comm << ' ' << signal;
    }
  }
  EXPECT_GE(threads, 6);  // three of each client
}

TEST(signals, reach_a_signalfd) {
  client locks;
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  const int fd = signalfd(-1, &term, SFD_CLOEXEC);
  kill(getpid(), SIGTERM);
  pollfd ready{fd, POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 20'000), 1);
  signalfd_siginfo info{};
  EXPECT_EQ(read(fd, &info, sizeof info), static_cast<ssize_t>(sizeof info));
  close(fd);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
