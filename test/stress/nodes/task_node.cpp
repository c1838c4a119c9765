// A client that gives the server its work: try_run_once(), try_run_exclusive()
// and run_exclusive().  The work reads a counter, thinks, and writes it back
// increased, without any lock of its own; what it left behind is read at the
// end of the run.

#include "nodes/node.hpp"
#include "nodes/session.hpp"

namespace harness {
namespace {

class TaskNode {
 public:
  explicit TaskNode(const NodeOptions &options)
      : options_(options),
        dice_(options.seed),
        recorder_(options.history, options.name) {}

  void run() {
    while (!told_to_end()) {
      Session session(options_.conninfo);
      timespec pause{0, 150'000'000};
      while (!told_to_end() && session.connected()) {
        round(session);
        session.rest(std::chrono::milliseconds(dice_.roll(0, 30)));
      }
      nanosleep(&pause, nullptr);
    }
  }

 private:
  void round(Session &session) {
    const std::string key = "task-" + std::to_string(dice_.roll(1, 2));
    switch (dice_.roll(0, 2)) {
      case 0:
        return ask(session, "once-" + key, current_slot(),
                   "SELECT try_run_once($1, $2, $3, $4)", true);
      case 1:
        return ask(session, key, fresh_slot(),
                   "SELECT try_run_exclusive($1, $2, $4, $3::interval)", false);
      default:
        return ask(session, key, fresh_slot(),
                   "CALL run_exclusive($1, $2, $4, $3::interval)", false);
    }
  }

  std::string fresh_slot() {
    return options_.name + "-" + std::to_string(++runs_);
  }

  static std::string task(const std::string &key, const std::string &slot) {
    return "DO $task$ DECLARE v bigint; BEGIN"
           " SELECT value INTO v FROM harness_counter WHERE name = '" +
           key +
           "'; PERFORM pg_catalog.pg_sleep(0.001);"
           " UPDATE harness_counter SET value = v + 1 WHERE name = '" +
           key + "'; INSERT INTO harness_effect VALUES ('" + key + "', '" +
           slot + "', v + 1); END $task$";
  }

  void ask(Session &session, const std::string &key, const std::string &slot,
           const std::string &sql, bool once) {
    Line event = line(Op::kRun, Ev::kInvoke, key);
    event.slot = slot;
    recorder_.record(event);
    const Answer answer = session.exec(
        sql, {kNamespace, key, once ? slot : "100 ms", task(key, slot)});
    event.ev = answer.lost()  ? Ev::kUnknown
               : answer.yes() ? Ev::kOk
                              : Ev::kFail;
    recorder_.record(event);
  }

  NodeOptions options_;
  Dice dice_;
  Recorder recorder_;
  std::int64_t runs_ = 0;
};

}  // namespace

void run_task_node(const NodeOptions &options) { TaskNode(options).run(); }

}  // namespace harness
