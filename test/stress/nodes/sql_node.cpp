// A client that uses the SQL functions and nothing else: what somebody without
// our library would write.  Its lease is idle_session_timeout, its heartbeat
// holds_lock().

#include <algorithm>

#include "nodes/node.hpp"
#include "nodes/session.hpp"

namespace harness {
namespace {

using std::chrono::milliseconds;

class SqlNode {
 public:
  explicit SqlNode(const NodeOptions &options)
      : options_(options),
        lease_(options.lease_ms * INT64_C(1'000'000)),
        dice_(options.seed),
        recorder_(options.history, options.name),
        work_(recorder_, options.resource, dice_) {}

  void run() {
    while (!told_to_end()) {
      if (!connect()) {
        timespec pause{0, 150'000'000};
        nanosleep(&pause, nullptr);
        continue;
      }
      while (!told_to_end() && session_->connected()) {
        round();
      }
    }
  }

 private:
  // One attempt for one lock.
  void round() {
    const Wish wish = draw_wish(dice_, options_.names, true);
    name_ = wish.name();
    key_ = wish.key;
    mode_ = wish.mode;
    transaction_ = mode_ != Mode::kPermit && dice_.chance(0.2);
    if (acquire()) {
      hold();
    } else {
      session_->rest(milliseconds(dice_.roll(0, 10)));
    }
  }

  bool connect() {
    session_.emplace(options_.conninfo);
    const std::string lease = std::to_string(options_.lease_ms);
    return session_->connected() &&
           session_->exec("SET idle_session_timeout = " + lease).ok() &&
           session_->exec("SET idle_in_transaction_session_timeout = " + lease)
               .ok() &&
           session_->exec("SET tcp_user_timeout = " + lease).ok();
  }

  Answer ask(const std::string &call) {
    return session_->exec(call, {kNamespace, key_});
  }

  // The statement that asks for the lock, in one of the ways there are.
  std::string statement() {
    const std::string mode =
        mode_ == Mode::kShared ? ", 'shared'" : ", 'exclusive'";
    const std::string wait =
        ", '" + std::to_string(dice_.roll(1, 400)) + " ms'";
    if (mode_ == Mode::kPermit) {
      return "SELECT try_lock_permit($1, $2, " + std::to_string(kPermits) +
             (dice_.chance(0.5) ? wait : "") + ")";
    }
    if (transaction_) {
      return "SELECT try_xact_lock($1, $2" + mode +
             (dice_.chance(0.5) ? wait : "") + ")";
    }
    switch (dice_.roll(0, 2)) {
      case 0:
        return "SELECT try_lock($1, $2" + mode + ")";
      case 1:
        return "SELECT try_lock($1, $2" + mode + wait + ")";
      default:
        return "CALL wait_lock($1, $2" + mode + wait + ")";
    }
  }

  // Sets a timeout that may fire while we wait.
  bool hurry() {
    if (!options_.timeouts || !dice_.chance(0.3)) {
      return false;
    }
    const char *which =
        dice_.chance(0.5) ? "SET statement_timeout = " : "SET lock_timeout = ";
    session_->exec(which + std::to_string(dice_.roll(1, 30)));
    return true;
  }

  bool acquire() {
    const bool hurried = hurry();
    if (transaction_ && !session_->exec("BEGIN").ok()) {
      return false;
    }
    Line event = line(Op::kAcquire, Ev::kInvoke, name_);
    event.mode = mode_;
    event.pid = session_->backend_pid();
    event.t = asked_ = now();
    recorder_.record(event);
    const Answer answer = ask(statement());
    if (hurried) {
      end_hurry(answer);
    }
    event.t = 0;
    event.ev = outcome(answer);
    if (mode_ == Mode::kPermit) {
      event.value = answer.number();
      event.limit = kPermits;
    }
    if (event.ev == Ev::kOk && !read_token(event)) {
      event.ev = Ev::kUnknown;
    }
    recorder_.record(event);
    if (event.ev == Ev::kFail) {
      after_failure();
    } else if (event.ev == Ev::kUnknown && session_->connected() && beat()) {
      release();
    }
    return event.ev == Ev::kOk;
  }

  // statement_timeout may strike between the return of the function and the end
  // of its statement; a session-scope lock outlives that, as it outlives
  // ROLLBACK.  lock_timeout strikes only while the lock is waited for.
  Ev outcome(const Answer &answer) const {
    if (mode_ == Mode::kPermit ? answer.number() > 0 : answer.yes()) {
      return Ev::kOk;
    }
    const bool cancelled = answer.sqlstate == "57014" && !transaction_;
    return answer.lost() || cancelled ? Ev::kUnknown : Ev::kFail;
  }

  bool read_token(Line &event) {
    const Answer answer = ask("SELECT fencing_token($1, $2)");
    event.token = token_ = answer.number();
    event.lease = lease_;
    // Behind a pooler the number that libpq knows is not the backend's.
    if (options_.pooler) {
      event.pid = static_cast<std::int32_t>(
          session_->exec("SELECT pg_backend_pid()").number());
    }
    return answer.ok();
  }

  // A timeout that fired is a hit of the nemesis's fault "timeouts".
  void end_hurry(const Answer &answer) {
    session_->exec("SET statement_timeout = 0");
    session_->exec("SET lock_timeout = 0");
    if (answer.sqlstate == "57014" || answer.sqlstate == "55P03") {
      Recorder nemesis(options_.history, "timeouts-" + options_.name);
      nemesis.record(line(Op::kFault, Ev::kInvoke, "timeouts"));
      nemesis.record(line(Op::kFault, Ev::kOk, "timeouts"));
    }
  }

  // A call that reports failure leaves no lock: the server is asked.
  void after_failure() {
    if (transaction_) {
      session_->exec("ROLLBACK");
      session_->exec("SET statement_timeout = 0");
      session_->exec("SET lock_timeout = 0");
    }
    beat();
  }

  bool beat() {
    recorder_.record(line(Op::kBeat, Ev::kInvoke, name_, token_));
    const std::int64_t asked = now();
    const Answer answer = session_->exec("SELECT holds_lock($1, $2)",
                                         {kNamespace, key_}, patience());
    recorder_.record(line(Op::kBeat,
                          answer.lost()  ? Ev::kUnknown
                          : answer.yes() ? Ev::kOk
                                         : Ev::kFail,
                          name_, token_));
    if (answer.yes()) {
      beat_ = asked;
    }
    return answer.yes();
  }

  milliseconds patience() const {
    return milliseconds(std::max<std::int64_t>(options_.lease_ms, 100));
  }

  bool held() const {
    return alive_ && session_->connected() && now() < beat_ + lease_;
  }

  void rest(milliseconds duration) {
    const std::int64_t end = now() + std::chrono::nanoseconds(duration).count();
    while (alive_ && now() < end) {
      const std::int64_t due = beat_ + lease_ / 3;
      alive_ = now() < due ? session_->rest(until(std::min(due, end))) : beat();
    }
  }

  static milliseconds until(std::int64_t t) {
    return std::chrono::ceil<milliseconds>(
        std::chrono::nanoseconds(std::max<std::int64_t>(t - now(), 0)));
  }

  void hold() {
    beat_ = asked_;
    alive_ = true;
    if (now() > asked_ + lease_ / 3) {
      alive_ = beat();  // the answer may have lain unread for long
    }
    const bool kept =
        work_.run({.name = name_,
                   .token = token_,
                   .mode = mode_,
                   .held = [this] { return held(); },
                   .rest = [this](milliseconds time) { rest(time); }});
    if (kept && !transaction_ && options_.discard && dice_.chance(0.2)) {
      discard();
    } else if (session_->connected()) {
      release();
    } else if (kept) {
      recorder_.record(line(Op::kLost, Ev::kOk, name_, token_));
    }
  }

  // The pool's reset drops the lock behind our back; the next question says so.
  void discard() {
    Recorder nemesis(options_.history, "discard-" + options_.name);
    Line fault = line(Op::kFault, Ev::kInvoke, "discard");
    fault.slot = "ends";
    fault.target = options_.name;
    nemesis.record(fault);
    const Answer answer = session_->exec("DISCARD ALL");
    fault.ev = answer.ok() ? Ev::kOk : Ev::kFail;
    nemesis.record(fault);
    if (session_->connected()) {
      release();
    } else {
      recorder_.record(line(Op::kLost, Ev::kOk, name_, token_));
    }
    session_->close();  // its settings are gone
  }

  void release() {
    recorder_.record(line(Op::kRelease, Ev::kInvoke, name_, token_));
    const Answer answer = transaction_
                              ? session_->exec("COMMIT", {}, patience())
                              : session_->exec("SELECT unlock($1, $2)",
                                               {kNamespace, key_}, patience());
    const bool good = transaction_ ? answer.ok() : answer.yes();
    recorder_.record(line(Op::kRelease,
                          answer.lost() ? Ev::kUnknown
                          : good        ? Ev::kOk
                                        : Ev::kFail,
                          name_, token_));
  }

  NodeOptions options_;
  std::int64_t lease_;
  Dice dice_;
  Recorder recorder_;
  Work work_;
  std::optional<Session> session_;
  std::string name_;
  std::string key_;
  Mode mode_ = Mode::kExclusive;
  bool transaction_ = false;
  bool alive_ = false;
  std::int64_t asked_ = 0;
  std::int64_t beat_ = 0;
  std::int64_t token_ = 0;
};

}  // namespace

void run_sql_node(const NodeOptions &options) { SqlNode(options).run(); }

}  // namespace harness
