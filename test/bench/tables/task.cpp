// Reading a row under a lock: in one statement, or in a transaction by hand.
#include "peers/postgres.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

constexpr const char *by_hand =
    "BEGIN; pg_try_advisory_xact_lock; read; COMMIT";
constexpr const char *ours = "SQL: try_run_exclusive, prepared";

void prepare(postgres &session) {
  session.exec("DROP TABLE IF EXISTS account");
  session.exec("CREATE TABLE account (id int PRIMARY KEY, balance int)");
  session.exec(
      "INSERT INTO account SELECT i, i FROM generate_series(1, 100) i");
  session.prepare("begin", "BEGIN");
  session.prepare("commit", "COMMIT");
  session.prepare("raw", "SELECT pg_try_advisory_xact_lock($1)");
  session.prepare("read", "SELECT balance > 0 FROM account WHERE id = 7");
  session.prepare("run", "SELECT try_run_exclusive($1, $2, $3)");
}

}  // namespace

void task(report &to, const effort &how) {
  if (!can_cross()) return to.skip("T10: there is only one core");
  contest table("task-cross", "read a row under a lock, cross", "µs", by_hand);
  postgres session;
  prepare(session);
  table.add(by_hand, [&] {
    return time_each(how.count(400), [&] {
      session.run("begin");
      session.must("raw", {"42"});
      session.must("read", {});
      session.run("commit");
    });
  });
  table.add(ours, [&] {
    return time_each(how.count(400), [&] {
      session.must("run", {"bench", "report",
                           "SELECT balance > 0 FROM account WHERE id = 7"});
    });
  });
  place(placement::cross);
  table.run(how.rounds);
  to.add(table);
  to.judge({"T10", "try_run_exclusive ÷ four statements, cross",
            target::wanted::at_most, 0.35, table.ratio(ours, by_hand)});
}

}  // namespace bench
