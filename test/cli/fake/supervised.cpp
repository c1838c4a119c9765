// Runs a command under a lock on a file, with the tool's own processes: what
// keeps the command and its lock together is tested without a database.
//
//   supervised [--isolate] LOCKFILE LEASE_MS GRACE_MS wait|end COMMAND ARG...
//
// A lock of flock(2) lives like a session of the server: until the last copy
// of its descriptor is closed. The test steers it by files:
//
//   LOCKFILE.mute   heartbeats get no answer
//   LOCKFILE.lose   the lock is lost at once
//   LOCKFILE.forget the lock is not held any more, and lost() does not tell
//   LOCKFILE.hang   giving the lock back takes for ever
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

#include "supervise/supervise.hpp"

namespace {

using namespace pg_exclusive::cli;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

class file_hold : public held_lock {
 public:
  file_hold(std::string path, unique_fd fd, std::chrono::milliseconds lease)
      : path_{std::move(path)}, fd_{std::move(fd)}, lease_{lease} {
    pread(fd_.get(), &token_, sizeof token_, 0);
    ++token_;
    pwrite(fd_.get(), &token_, sizeof token_, 0);
    heartbeats_ = std::jthread{[this](const std::stop_token &stop) {
      while (!stop.stop_requested()) {
        beat();
        std::this_thread::sleep_for(10ms);
      }
    }};
  }
  ~file_hold() override {
    heartbeats_ = {};
    while (std::filesystem::exists(path_ + ".hang")) {
      std::this_thread::sleep_for(10ms);
    }
    // As the server does: freed whatever copies of the descriptor there are.
    flock(fd_.get(), LOCK_UN);
  }

  std::optional<std::int64_t> token() const override { return token_; }
  int socket() const override { return fd_.get(); }
  boot_time deadline() const override { return deadline_; }
  std::stop_token lost() const override { return lost_.get_token(); }
  std::string loss() const override { return "the test took it"; }

 private:
  void beat() {
    if (std::filesystem::exists(path_ + ".lose")) {
      lost_.request_stop();
    }
    if (std::filesystem::exists(path_ + ".forget")) {
      deadline_ = boot_time::min();
    } else if (!std::filesystem::exists(path_ + ".mute")) {
      deadline_ = pg_exclusive::boot_clock::now() + lease_;
    }
  }

  std::string path_;
  unique_fd fd_;
  std::chrono::milliseconds lease_;
  std::int64_t token_ = 0;
  std::atomic<boot_time> deadline_{pg_exclusive::boot_clock::now() + lease_};
  std::stop_source lost_;
  std::jthread heartbeats_;
};

class file_source : public lock_source {
 public:
  file_source(std::string path, std::chrono::milliseconds lease)
      : path_{std::move(path)}, lease_{lease} {}

  std::optional<verdict> acquire(std::stop_token stop,
                                 const task &run) override {
    unique_fd fd{open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
    while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (stop.stop_requested()) {
        return std::nullopt;
      }
      std::this_thread::sleep_for(1ms);
    }
    file_hold hold{path_, std::move(fd), lease_};
    run(hold);
    return std::nullopt;
  }

 private:
  std::string path_;
  std::chrono::milliseconds lease_;
};

}  // namespace

int main(int argc, char **argv) {
  const bool isolate = argc > 1 && argv[1] == std::string{"--isolate"};
  if (isolate) {
    --argc;
    ++argv;
  }
  if (argc < 6) {
    std::cerr << "usage: supervised [--isolate] LOCKFILE LEASE_MS GRACE_MS "
                 "wait|end COMMAND ARG...\n";
    return 64;
  }
  const std::string path = argv[1];
  const std::chrono::milliseconds lease{std::stol(argv[2])};
  const std::chrono::milliseconds grace{std::stol(argv[3])};
  const bool end = std::string{argv[4]} == "end";
  return supervise(
      {{argv + 5, argv + argc}, {}},
      {lease, grace, end ? leftovers::end : leftovers::wait, isolate},
      [&] { return std::make_unique<file_source>(path, lease); });
}
