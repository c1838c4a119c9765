// Seeing who holds what while there are 10,000 locks, and what that does to
// those who lock.
#include <pg_exclusive/pg_exclusive.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "peers/postgres.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

constexpr const char *theirs = "SELECT count(*) FROM pg_locks";
constexpr const char *ours = "SELECT count(*) FROM lock_holders";

void hold_many(postgres &holder, int many) {
  const std::string keys = array_literal(
      many, [](int i) { return "document:" + std::to_string(i); });
  holder.prepare("all", "SELECT try_lock_all('bench', $1)");
  holder.must("all", {keys.c_str()});
}

// Reads ten times a second, from another core, as long as it lives.
class reader {
 public:
  explicit reader(const char *statement)
      : thread_([this, statement](const std::stop_token &stop) {
          auto next = clock::now();
          while (!stop.stop_requested()) {
            session_.exec(statement);
            next += std::chrono::milliseconds(100);
            std::this_thread::sleep_until(next);
          }
        }) {
    place(placement::same);
    place_process(session_.backend(), 1);
  }

 private:
  postgres session_;
  std::jthread thread_;
};

// The 99.9th and the 99.99th percentile of a pair beside a reader.
sample pairs_beside(const char *statement, postgres &session,
                    std::chrono::milliseconds time) {
  reader beside(statement);
  std::vector<double> took;
  for (const auto end = clock::now() + time; clock::now() < end;) {
    const auto from = clock::now();
    session.must("try", {"bench", "beside"});
    session.must("unlock", {"bench", "beside"});
    took.push_back(microseconds(clock::now() - from));
  }
  return {quantile(took, 0.999), quantile(took, 0.9999)};
}

}  // namespace

void reading(report &to, const effort &how) {
  contest table("reading", "all holders of 10,000 locks, same core", "ms",
                theirs);
  postgres holder, session;
  hold_many(holder, how.count(10'000));
  for (const char *statement : {theirs, ours}) {
    session.prepare(statement, statement);
    table.add(statement, [&session, statement] {
      return sample{time_each(3, [&] { session.run(statement); }).value / 1000};
    });
  }
  session.prepare("one", "SELECT * FROM lock_holder('bench', 'document:1')");
  table.add("SELECT * FROM lock_holder(one name)", [&] {
    return sample{time_each(3, [&] { session.run("one"); }).value / 1000};
  });
  place(placement::same);
  table.run(how.rounds);
  to.add(table);
  to.judge({"T12a", "lock_holders ÷ pg_locks at 10,000 locks",
            target::wanted::at_most, 3, table.ratio(ours, theirs)});
}

void beside_reading(report &to, const effort &how) {
  if (!can_cross()) return to.skip("T12b: there is only one core");
  contest table("beside-reading",
                "p99.9 of a pair beside 10 reads a second of 10,000 locks on "
                "another core (tail: p99.99)",
                "µs", theirs);
  postgres holder, session;
  hold_many(holder, how.count(10'000));
  session.prepare("try", "SELECT try_lock($1, $2)");
  session.prepare("unlock", "SELECT unlock($1, $2)");
  for (const char *statement : {theirs, ours}) {
    table.add(statement, [&how, &session, statement] {
      return pairs_beside(statement, session, how.time(1000));
    });
  }
  table.run(how.rounds);
  to.add(table);
  to.judge({"T12b", "a pair's p99.9 beside lock_holders ÷ beside pg_locks",
            target::wanted::not_above, 1.0, table.ratio(ours, theirs)});
}

}  // namespace bench
