// pg_exclusive_fuzz SEED SECONDS - calls everything with everything, and looks
// after each call whether the server and its books are still in order.
//
// In order means: the session lives, no error is an internal one (XX…), and the
// view of holders has exactly the locks that the lock manager has for us.  A
// call that is found guilty is printed with its values; the same seed makes the
// same calls.

#include <cstdlib>
#include <iostream>
#include <map>
#include <vector>

#include "nodes/session.hpp"
#include "values.hpp"

namespace fuzz {
namespace {

using harness::Answer;
using harness::Dice;
using harness::Parameters;
using harness::Session;

struct Call {
  const char *text;  // up to the arguments
  std::vector<Kind> kinds;
};

using enum Kind;

const std::vector<Call> &calls() {
  static const std::vector<Call> all = {
      {"SELECT lock_id", {kNamespace, kKey}},
      {"SELECT try_lock", {kNamespace, kKey, kMode, kInterval}},
      {"SELECT try_xact_lock", {kNamespace, kKey, kMode, kInterval}},
      {"CALL wait_lock", {kNamespace, kKey, kMode, kInterval}},
      {"SELECT unlock", {kNamespace, kKey}},
      {"SELECT unlock_all", {kNamespace}},
      {"SELECT holds_lock", {kNamespace, kKey}},
      {"SELECT fencing_token", {kNamespace, kKey}},
      {"SELECT try_run_exclusive", {kNamespace, kKey, kTask, kInterval}},
      {"CALL run_exclusive", {kNamespace, kKey, kTask, kInterval}},
      {"SELECT try_run_once", {kNamespace, kKey, kSlot, kTask}},
      {"SELECT try_run_every", {kNamespace, kKey, kInterval, kTask}},
      {"SELECT try_lock_all", {kNamespace, kKeys, kMode, kInterval}},
      {"SELECT try_lock_first", {kNamespace, kKeys}},
      {"SELECT * FROM try_lock_each", {kNamespace, kKeys}},
      {"SELECT try_lock_permit", {kNamespace, kKey, kPermits, kInterval}},
      {"SELECT begin_run", {kNamespace, kKey, kSlot, kOnCrash}},
      {"SELECT finish_run", {kNamespace, kKey, kSlot, kBoolean}},
      {"SELECT forget_lock_runs", {kInterval}},
      {"SELECT check_fence", {kNamespace, kKey, kNumber}},
      {"SELECT * FROM lock_holder", {kNamespace, kKey}},
      {"SELECT lock_namespace", {kSpare, kRole, kBoolean, kPermits, kInterval}},
      {"SELECT drop_lock_namespace", {kSpare}},
      {"SELECT pause_lock_namespace", {kSpare, kSlot}},
      {"SELECT resume_lock_namespace", {kSpare}},
      {"SELECT _try", {kNamespace, kKey, kLetter}},
      {"SELECT _unlock", {kNumber}},
      {"SELECT _calls", {kLetters, kNamespaces, kFewKeys, kTokens}},
      {"SELECT * FROM _heartbeat", {kTokens}},
      {"CALL _wait_lock", {kNamespace, kKey, kMode, kInterval, kNumber}},
      {"SELECT _try_permit", {kNamespace, kKey, kPermits}},
      {"CALL _wait_permit", {kNamespace, kKey, kPermits, kInterval, kNumber}},
  };
  return all;
}

class Fuzzer {
 public:
  explicit Fuzzer(std::uint64_t seed) : dice_(seed) {}

  bool run(std::int64_t seconds) {
    const std::int64_t end = harness::now() + seconds * INT64_C(1'000'000'000);
    while (harness::now() < end) {
      Session session("application_name=fuzz");
      if (!session.connected() || !prepare(session)) {
        std::cout << "# could not connect\n";
        return false;
      }
      for (int i = 0; i < kCallsPerSession && harness::now() < end; ++i) {
        if (!step(session)) {
          return false;
        }
      }
    }
    std::uint64_t errors = 0;
    std::cout << "# " << steps_ << " calls; errors";
    for (const auto &[sqlstate, count] : errors_) {
      std::cout << ' ' << sqlstate << ": " << count;
      errors += count;
    }
    std::cout << '\n';
    return errors < steps_ * 2 / 3;  // else hardly a call got anywhere
  }

 private:
  static constexpr int kCallsPerSession = 500;

  static bool prepare(Session &session) {
    // One role for all: what is wrong with rights is found elsewhere.
    return session.exec("SET ROLE fuzzer").ok() &&
           session.exec("SET statement_timeout = '300 ms'").ok();
  }

  bool step(Session &session) {
    ++steps_;
    surroundings(session);
    const Call &call = calls().at(static_cast<std::size_t>(
        dice_.roll(0, static_cast<std::int64_t>(calls().size()) - 1)));
    Parameters values;
    std::string text = std::string(call.text) + "(";
    for (const Kind kind : call.kinds) {
      values.push_back(draw(kind, dice_));
      text += (values.size() == 1 ? "$" : ", $") +
              std::to_string(values.size()) + "::" + sql_type(kind);
    }
    text += ")";
    const Answer answer = session.exec(text, values);
    if (answer.kind == Answer::Kind::kError) {
      ++errors_[answer.sqlstate];
      if (dice_.chance(0.7)) {
        session.exec("ROLLBACK");
      }
    }
    return judge(session, answer, text, values);
  }

  // In and out of transactions and savepoints, and now and then a reset.
  void surroundings(Session &session) {
    static const std::vector<const char *> kStatements = {
        "BEGIN",          "COMMIT",
        "ROLLBACK",       "SAVEPOINT s",
        "ROLLBACK TO s",  "RELEASE s",
        "DISCARD ALL",    "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "BEGIN READ ONLY"};
    if (dice_.chance(0.15)) {
      session.exec(kStatements.at(static_cast<std::size_t>(
          dice_.roll(0, static_cast<std::int64_t>(kStatements.size()) - 1))));
      prepare(session);  // DISCARD ALL took it away
    }
  }

  bool judge(Session &session, const Answer &answer, const std::string &text,
             const Parameters &values) {
    const bool internal = answer.sqlstate.starts_with("XX");
    // A failed transaction lets us ask nothing.
    const Answer books = session.exec(
        "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        " AND pid = pg_backend_pid() AND granted) ="
        " (SELECT count(*) FROM lock_holders WHERE pid = pg_backend_pid())");
    const bool wrong_books = books.ok() && !books.yes();
    if (session.connected() && !internal && !wrong_books) {
      return true;
    }
    std::cout << "# call " << steps_ << ": " << text << '\n';
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::cout << "#   $" << i + 1 << " = " << values[i].value_or("NULL")
                << '\n';
    }
    std::cout << "# " << (internal ? "internal error: " : "")
              << (wrong_books ? "lock_holders and pg_locks differ; " : "")
              << (session.connected() ? "" : "the session is gone; ")
              << answer.sqlstate << ' ' << answer.message << '\n';
    return false;
  }

  Dice dice_;
  std::uint64_t steps_ = 0;
  std::map<std::string, std::uint64_t> errors_;
};

}  // namespace
}  // namespace fuzz

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: pg_exclusive_fuzz SEED SECONDS\n";
    return 2;
  }
  fuzz::Fuzzer fuzzer(std::strtoull(argv[1], nullptr, 10));
  return fuzzer.run(std::strtoll(argv[2], nullptr, 10)) ? 0 : 1;
}
