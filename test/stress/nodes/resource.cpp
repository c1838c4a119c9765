#include "nodes/resource.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "run/process.hpp"

namespace harness {
namespace {

// What the register's file holds; read and written in one call, so that a
// killed process leaves the old state or the new one.
struct State {
  std::int64_t token = 0;
  std::int64_t value = 0;
};

[[noreturn]] void fail(const std::string &what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int open_file(const std::string &directory, std::string name,
              const char *suffix) {
  std::replace(name.begin(), name.end(), '/', '_');
  const std::string path = directory + '/' + name + suffix;
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    fail(path);
  }
  return fd;
}

// The file is ours until the end of the block.
class Turn {
 public:
  explicit Turn(int fd) : fd_(fd) {
    while (flock(fd_, LOCK_EX) != 0) {
      if (errno != EINTR) {
        fail("flock");
      }
    }
  }
  ~Turn() { flock(fd_, LOCK_UN); }
  Turn(const Turn &) = delete;
  Turn &operator=(const Turn &) = delete;

 private:
  int fd_;
};

State load(int fd) {
  State state;
  const ssize_t got = pread(fd, &state, sizeof state, 0);
  if (got != 0 && got != sizeof state) {
    fail("register");
  }
  return state;
}

void store(int fd, const State &state) {
  if (pwrite(fd, &state, sizeof state, 0) != sizeof state) {
    fail("register");
  }
}

// Who is inside; also read and written in one call.
struct Visitor {
  pid_t pid = 0;  // 0: nobody
  bool exclusive = false;
  std::array<char, 59> node{};
};
using Visitors = std::array<Visitor, 64>;

Visitors load_visitors(int fd) {
  Visitors visitors;
  const ssize_t got = pread(fd, &visitors, sizeof visitors, 0);
  if (got != 0 && got != sizeof visitors) {
    fail("witness");
  }
  return visitors;
}

void store_visitors(int fd, const Visitors &visitors) {
  if (pwrite(fd, &visitors, sizeof visitors, 0) != sizeof visitors) {
    fail("witness");
  }
}

}  // namespace

Resource::Resource(const std::string &directory, const std::string &name)
    : register_(open_file(directory, name, ".register")),
      witness_(open_file(directory, name, ".witness")) {}

Resource::~Resource() {
  close(register_);
  close(witness_);
}

std::optional<std::int64_t> Resource::raise(std::int64_t token) {
  const Turn turn(register_);
  State state = load(register_);
  if (token < state.token) {
    return std::nullopt;
  }
  state.token = token;
  store(register_, state);
  return state.value;
}

bool Resource::write(std::int64_t token, std::int64_t value) {
  const Turn turn(register_);
  if (token < load(register_).token) {
    return false;
  }
  store(register_, {token, value});
  return true;
}

std::vector<std::string> Resource::enter(const std::string &node, Mode mode,
                                         std::int64_t limit) {
  const Turn turn(witness_);
  Visitors visitors = load_visitors(witness_);
  std::vector<std::string> others;
  std::optional<std::size_t> free;
  for (std::size_t i = 0; i < visitors.size(); ++i) {
    Visitor &visitor = visitors[i];
    if (visitor.pid != 0 && !alive(visitor.pid)) {
      visitor = {};
    }
    if (visitor.pid == 0) {
      free = free.value_or(i);
    } else if (mode != Mode::kShared || visitor.exclusive) {
      others.emplace_back(visitor.node.data());
    }
  }
  if (mode == Mode::kPermit && std::ssize(others) < limit) {
    others.clear();
  }
  place_ = free.value();
  Visitor &me = visitors[place_];
  me.pid = getpid();
  me.exclusive = mode == Mode::kExclusive;
  node.copy(me.node.data(), me.node.size() - 1);
  store_visitors(witness_, visitors);
  return others;
}

void Resource::leave() {
  const Turn turn(witness_);
  Visitors visitors = load_visitors(witness_);
  visitors[place_] = {};
  store_visitors(witness_, visitors);
}

}  // namespace harness
