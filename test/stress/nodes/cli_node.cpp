// A client that uses the command line: the tool runs a child under the lock,
// and the child works.  The node and its child speak with one voice in the
// history, which tells the node how far its child came.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "checker/fault_index.hpp"
#include "nodes/node.hpp"
#include "nodes/session.hpp"
#include "run/process.hpp"

namespace harness {
namespace {

constexpr int kTaken = 75;
constexpr int kLost = 76;
constexpr int kUnreachable = 69;

// How far the child came: the last line of ours that the history has, from
// `since` on.  Its word alone counts, since the child may be killed between any
// two steps.
std::string last_line(const NodeOptions &options, std::uintmax_t since) {
  const std::string ours = R"("node":")" + options.name + '"';
  std::ifstream history(options.history);
  history.seekg(static_cast<std::streamoff>(since));
  std::string last;
  for (std::string line; std::getline(history, line);) {
    if (line.find(ours) != std::string::npos) last = line;
  }
  return last;
}

bool says(const std::string &line, Op op, Ev ev) {
  return line.find(R"("op":")" + std::string(to_string(op)) + R"(","ev":")" +
                   std::string(to_string(ev)) + '"') != std::string::npos;
}

class CliNode {
 public:
  explicit CliNode(const NodeOptions &options)
      : options_(options),
        dice_(options.seed),
        recorder_(options.history, options.name) {}

  void run() {
    while (!told_to_end()) {
      round();
      std::this_thread::sleep_for(std::chrono::milliseconds(dice_.roll(0, 20)));
    }
  }

 private:
  Command command() {
    Command command;
    // As cron starts it: what happens to its group does not happen to ours.
    command.new_session = true;
    command.die_with_us = false;  // the tool has to live with that by itself
    const double lease = static_cast<double>(options_.lease_ms) / 1000;
    command.arguments = {options_.tool, "run",     "--grace",
                         "0.2",         "--lease", std::to_string(lease)};
    if (dice_.chance(0.5)) {
      command.arguments.emplace_back("-n");
    } else {
      command.arguments.insert(command.arguments.end(), {"-w", "0.5"});
    }
    if (mode_ == Mode::kShared) {
      command.arguments.emplace_back("-s");
    }
    command.arguments.insert(
        command.arguments.end(),
        {name_, "--", options_.self, "child", "--name", options_.name,
         "--history", options_.history, "--resource", options_.resource,
         "--kind", mode_ == Mode::kShared ? "shared" : "exclusive", "--seed",
         std::to_string(dice_.roll(1, 1'000'000'000))});
    return command;
  }

  void round() {
    const Wish wish = draw_wish(dice_, options_.names, false);
    name_ = wish.name();
    mode_ = wish.mode;
    const auto since = std::filesystem::file_size(options_.history);
    Line event = line(Op::kAcquire, Ev::kInvoke, name_);
    event.mode = mode_;
    recorder_.record(event);
    const int status = harness::run(command());
    // Whatever was killed of the tool, what is left of it ends the child; only
    // then is the round over.
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    const std::string last = last_line(options_, since);
    if (says(last, Op::kAcquire, Ev::kInvoke)) {
      event.ev =
          status == kTaken || status == kUnreachable ? Ev::kFail : Ev::kUnknown;
      recorder_.record(event);
    } else if (says(last, Op::kRelease, Ev::kInvoke)) {
      recorder_.record(line(Op::kRelease,
                            status == 0       ? Ev::kOk
                            : status == kLost ? Ev::kFail
                                              : Ev::kUnknown,
                            name_));
    } else {
      recorder_.record(line(Op::kLost, Ev::kOk, name_));
    }
  }

  NodeOptions options_;
  Dice dice_;
  Recorder recorder_;
  std::string name_;
  Mode mode_ = Mode::kExclusive;
};

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Which backend holds our lock; -1 when it is gone, or cannot be asked.
std::int32_t holder(std::int64_t token) {
  Session session("connect_timeout=2");
  const Answer answer =
      session.exec("SELECT pid FROM lock_holders WHERE token = $1::bigint",
                   {std::to_string(token)});
  return answer.number() == 0 ? kUnknownBackend
                              : static_cast<std::int32_t>(answer.number());
}

}  // namespace

void run_cli_node(const NodeOptions &options) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  CliNode(options).run();
}

int run_cli_child(const NodeOptions &options) {
  listen_for_end(0);
  Dice dice(options.seed);
  Recorder recorder(options.history, options.name);
  Work work(recorder, options.resource, dice);
  const std::string name = environment("PG_EXCLUSIVE_NAMESPACE") + "/" +
                           environment("PG_EXCLUSIVE_KEY");
  Line granted = line(Op::kAcquire, Ev::kOk, name,
                      std::stoll(environment("PG_EXCLUSIVE_TOKEN")));
  granted.pid = holder(granted.token);
  granted.mode = options.kind == "shared" ? Mode::kShared : Mode::kExclusive;
  recorder.record(granted);
  const bool kept = work.run({.name = name,
                              .token = granted.token,
                              .mode = granted.mode,
                              .held = [] { return !told_to_end(); },
                              .rest =
                                  [](std::chrono::milliseconds t) {
                                    std::this_thread::sleep_for(t);
                                  }});
  if (kept) {
    recorder.record(line(Op::kRelease, Ev::kInvoke, name, granted.token));
  }
  return 0;
}

}  // namespace harness
