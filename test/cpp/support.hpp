// What the tests share: a server to ask, names of their own, patience.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pg_exclusive/pg_exclusive.hpp"

namespace support {

using namespace std::chrono_literals;  // NOLINT: tests wait a lot
using pg_exclusive::client;
using pg_exclusive::client_options;
using pg_exclusive::hold;
using pg_exclusive::lock_error;
using pg_exclusive::lock_lost;
using pg_exclusive::lock_name;
using pg_exclusive::outcome;

// How long to wait for what must happen on a loaded machine.
constexpr auto patience = 20s;

// Runs a statement as the superuser, and gives its first column of its first
// row ("" for none).
std::string sql(const std::string &statement, const std::string &conninfo = "");

// A name that no other test uses.
lock_name unique_name(const std::string &what = "test");

// How many holders or waiters the server knows for a name.
int holders(const lock_name &name);
int waiters(const lock_name &name);

// Waits until `condition` is true; false when it never was.
bool eventually(const std::function<bool()> &condition,
                std::chrono::milliseconds at_most = patience);

// The SQLSTATE of what `f` throws; "" when it throws nothing.
template <class F>
std::string sqlstate_of(F &&f) {
  try {
    f();
    return "";
  } catch (const lock_error &error) {
    return error.sqlstate();
  }
}

// Sends a statement on the session of a hold, behind the library's back.
void inject(const hold &held, const std::string &statement);

// Ends the backend of a hold, and waits until it is gone.
void terminate(int pid);

// Stops a process with SIGSTOP, until the end of the block or `go_on`.
class frozen {
 public:
  explicit frozen(int pid);
  frozen(const frozen &) = delete;
  frozen &operator=(const frozen &) = delete;
  ~frozen();
  void go_on();

 private:
  int pid_;
};

// Is a thread of this process asleep?
bool asleep(int thread);

// The postmaster of the server that the environment names.
int postmaster();

// An environment variable; "" for none.
std::string env(const char *name);

// Runs a command as the user the server runs as; true when it succeeds.
bool run_as_server(const std::string &command);

// Below the ports of outgoing connections.
int some_port();

// Options with a lease that a test can wait for.
inline client_options short_lease(std::chrono::milliseconds lease = 1500ms) {
  return {.lease = lease};
}

// What a client in another process writes down as it goes; shared memory.
struct diary {
  std::atomic<bool> holding{false};
  std::atomic<bool> finished{false};
  std::atomic<std::int64_t> last_held{0};  // boot_clock: held() was true after
  std::atomic<std::int64_t> released{0};   // how often it gave a lock back
  std::atomic<std::int64_t> lost_at{0};    // boot_clock: held() was false

  // Asks `held` again and again until it says no.
  void watch(const hold &held);
};

// Does `f` again until it holds its lock: on a busy machine a session with a
// short lease can be over before it is open.
template <class F>
auto patiently(const diary &note, F &&f) {
  for (int tries = 0;; ++tries) {
    try {
      return f();
    } catch (const lock_error &) {
      if (note.holding || tries == 100) throw;
      std::this_thread::sleep_for(100ms);
    }
  }
}

// So many of them, in memory that child processes share.
class diaries {
 public:
  explicit diaries(int count);
  diaries(const diaries &) = delete;
  diaries &operator=(const diaries &) = delete;
  ~diaries();
  diary &operator[](int i) const { return all_[i]; }

 private:
  const std::size_t size_;
  diary *all_;
};

// A child process.
class child {
 public:
  explicit child(const std::function<int()> &body);
  child(const child &) = delete;
  child &operator=(const child &) = delete;
  ~child();
  void signal(int number) const;
  // The exit status, as the shell has it.
  int wait();

 private:
  int pid_ = -1;
};

}  // namespace support
