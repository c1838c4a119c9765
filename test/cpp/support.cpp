#include "support.hpp"

#include <libpq-fe.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>

static const pid_t tested = getpid();

// A child that ends by exit() has the memory of its parent's threads, but not
// the threads: that is no leak.  LeakSanitizer asks.
extern "C" __attribute__((visibility("default"), used)) int
__lsan_is_turned_off() {  // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
  return getpid() != tested ? 1 : 0;
}

namespace support {

std::string sql(const std::string &statement, const std::string &conninfo) {
  const std::unique_ptr<PGconn, void (*)(PGconn *)> connection(
      PQconnectdb(conninfo.c_str()), PQfinish);
  const std::unique_ptr<PGresult, void (*)(PGresult *)> result(
      PQexec(connection.get(), statement.c_str()), PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(statement + ": " +
                             PQerrorMessage(connection.get()));
  }
  if (PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0) return "";
  return PQgetvalue(result.get(), 0, 0);
}

lock_name unique_name(const std::string &what) {
  static std::atomic<int> next{0};
  return {"default",
          what + "-" + std::to_string(getpid()) + "-" + std::to_string(++next)};
}

namespace {

int count(const std::string &view, const lock_name &name) {
  return std::stoi(sql("SELECT count(*) FROM " + view +
                       " WHERE lock_id = " + std::to_string(name.id())));
}

}  // namespace

int holders(const lock_name &name) { return count("lock_holders", name); }

int waiters(const lock_name &name) { return count("lock_waiters", name); }

bool eventually(const std::function<bool()> &condition,
                std::chrono::milliseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

void inject(const hold &held, const std::string &statement) {
  // A simple query: 'Q', the length, the text; the answer ends with 'Z'.
  std::string message = "Q";
  const std::size_t length = 4 + statement.size() + 1;
  for (int shift = 24; shift >= 0; shift -= 8) {
    message.push_back(static_cast<char>(length >> shift & 0xff));
  }
  message += statement;
  message.push_back('\0');
  const int socket = held.native_handle();
  if (send(socket, message.data(), message.size(), 0) < 0) {
    throw std::runtime_error("cannot send");
  }
  std::string answer;
  const auto complete = [&] {
    std::size_t at = 0;
    while (at + 5 <= answer.size()) {
      std::size_t size = 0;
      for (int i = 1; i <= 4; ++i) {
        size = size << 8 | static_cast<unsigned char>(answer[at + i]);
      }
      if (answer[at] == 'Z') return true;
      at += 1 + size;
    }
    return false;
  };
  while (!complete()) {
    std::array<char, 4096> some;
    const ssize_t n = recv(socket, some.data(), some.size(), MSG_DONTWAIT);
    if (n > 0) answer.append(some.data(), n);
  }
}

void terminate(int pid) {
  sql("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 10000)");
}

namespace {

// The state of a process or thread, from its stat file.
char state_in(const std::string &file) {
  std::ifstream stat(file);
  std::string text;
  std::getline(stat, text);
  const auto name_end = text.rfind(") ");
  return name_end == std::string::npos ? '?' : text[name_end + 2];
}

}  // namespace

frozen::frozen(int pid) : pid_(pid) {
  if (kill(pid, SIGSTOP) != 0) throw std::runtime_error("cannot stop");
  // It takes the kernel a moment.
  const std::string file = "/proc/" + std::to_string(pid) + "/stat";
  if (!eventually([&] { return state_in(file) == 'T'; })) {
    throw std::runtime_error("does not stop");
  }
}

frozen::~frozen() { go_on(); }

void frozen::go_on() {
  if (pid_ != 0) kill(pid_, SIGCONT);
  pid_ = 0;
}

bool asleep(int thread) {
  return state_in("/proc/self/task/" + std::to_string(thread) + "/stat") == 'S';
}

int postmaster() {
  int pid = 0;
  std::ifstream(env("PGDATA") + "/postmaster.pid") >> pid;
  return pid;
}

std::string env(const char *name) {
  const char *value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

bool run_as_server(const std::string &command) {
  const std::string as =
      geteuid() == 0 ? "runuser -u " + env("SERVER_USER") + " -- " : "";
  return std::system(  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
             (as + command + " >/dev/null 2>&1").c_str()) == 0;
}

int some_port() {
  static std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution<int>(20000, 32000)(random);
}

void diary::watch(const hold &held) {
  holding = true;
  for (;;) {
    const auto before = pg_exclusive::boot_clock::now().time_since_epoch();
    if (!held.held()) {
      lost_at = before.count();
      break;
    }
    last_held = before.count();
    std::this_thread::sleep_for(100us);
  }
  finished = true;
}

diaries::diaries(int count) : size_(sizeof(diary) * count) {
  void *shared = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("cannot mmap");
  all_ = new (shared) diary[count];
}

diaries::~diaries() { munmap(all_, size_); }

child::child(const std::function<int()> &body) {
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    int status = 125;
    try {
      status = body();
    } catch (const std::exception &error) {
      (void)std::fprintf(stderr, "child: %s\n", error.what());
    }
    _exit(status);
  }
}

child::~child() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  wait();
}

void child::signal(int number) const { kill(pid_, number); }

int child::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace support
