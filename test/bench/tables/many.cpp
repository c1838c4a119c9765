// One more lock beside very many, and very many at once.
#include <memory>
#include <pg_exclusive/pg_exclusive.hpp>
#include <string>
#include <vector>

#include "peers/postgres.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

std::string key(int i) { return "key-" + std::to_string(i); }

// A C++ client that holds so many locks, named apart from other clients'.
class holding_client {
 public:
  holding_client(const std::string &prefix, int holds)
      : locks_("", {.max_sessions = 64}) {
    for (int i = 0; i < holds; ++i) {
      held_.push_back(locks_.try_lock({"bench", prefix + key(i)}).value());
    }
  }
  void pair() { locks_.try_lock({"bench", "one more"}).value().unlock(); }

 private:
  pg_exclusive::client locks_;
  std::vector<pg_exclusive::hold> held_;
};

void prepare_raw(postgres &session) {
  session.prepare("many",
                  "SELECT count(pg_try_advisory_lock(id)) "
                  "FROM unnest($1::bigint[]) id");
  session.prepare("raw try", "SELECT pg_try_advisory_lock($1)");
  session.prepare("raw unlock", "SELECT pg_advisory_unlock($1)");
}

std::string ids(int n) {
  return array_literal(n, [](int i) { return std::to_string(1000 + i); });
}

}  // namespace

void one_more(report &to, const effort &how) {
  constexpr const char *none = "C++: client with 0 holds";
  const int many = how.count(10'000);
  const std::string full =
      "C++: client with " + std::to_string(many) + " holds";
  contest table("one-more", "one more lock beside many, same core", "µs a pair",
                none);
  place(placement::same);
  holding_client empty("", 0);
  holding_client loaded("loaded-", many);
  postgres session;
  prepare_raw(session);
  session.run("many", {ids(many).c_str()});
  const auto measure = [&](auto &&act) {
    return [&how, act] { return time_each(how.count(1000), act); };
  };
  table.add(none, measure([&] { empty.pair(); }));
  table.add(full, measure([&] { loaded.pair(); }));
  table.add("raw: session with " + std::to_string(many) + " locks", [&] {
    return time_each(how.count(100), [&] {
      session.must("raw try", {"42"});
      session.must("raw unlock", {"42"});
    });
  });
  place(placement::same);
  table.run(how.rounds);
  to.add(table);
  to.judge({"T8", "C++ client's pair with 10,000 holds ÷ with none",
            target::wanted::at_most, 1.5, table.ratio(full, none)});
}

namespace {

// Milliseconds that `take` needs in a session that has taken one lock so far,
// or that has taken and freed all of them before.
struct taking {
  const char *prepared;
  const char *one;
  const char *take;
  const char *free;
};

const taking raw_way = {"SELECT pg_try_advisory_lock(1)",
                        "SELECT pg_advisory_unlock(1)",
                        "SELECT count(pg_try_advisory_lock(id)) "
                        "FROM unnest($1::bigint[]) id",
                        "SELECT pg_advisory_unlock_all()"};
const taking our_way = {
    "SELECT try_lock('bench', 'one')", "SELECT unlock('bench', 'one')",
    "SELECT try_lock_all('bench', $1)", "SELECT unlock_all()"};

sample take_all(const taking &way, const std::string &names, bool again) {
  postgres session;
  session.prepare("take", way.take);
  session.exec(way.prepared);
  session.exec(way.one);
  if (again) {
    session.run("take", {names.c_str()});
    session.exec(way.free);
  }
  const auto took = time_each(1, [&] { session.run("take", {names.c_str()}); });
  session.exec(way.free);
  return {took.value / 1000};
}

}  // namespace

void many_at_once(report &to, const effort &how) {
  constexpr const char *raw = "raw: pg_try_advisory_lock over unnest";
  constexpr const char *ours = "SQL: try_lock_all";
  constexpr const char *raw_again = "raw, in a session that did it before";
  constexpr const char *ours_again = "SQL, in a session that did it before";
  const int many = how.count(10'000);
  contest table("many-at-once",
                std::to_string(many) + " locks in one statement, same core",
                "ms", raw);
  const std::string numbers = ids(many);
  const std::string keys = array_literal(many, key);
  table.add(raw, [&] { return take_all(raw_way, numbers, false); });
  table.add(ours, [&] { return take_all(our_way, keys, false); });
  table.add(raw_again, [&] { return take_all(raw_way, numbers, true); });
  table.add(ours_again, [&] { return take_all(our_way, keys, true); });
  place(placement::same);
  table.run(how.rounds);
  to.add(table);
  to.judge({"T9", "try_lock_all of 10,000 keys ÷ raw unnest, same core",
            target::wanted::at_most, 1.5, table.ratio(ours, raw)});
  to.judge({"T9 again", "the same, in sessions that did it before",
            target::wanted::at_most, 1.5, table.ratio(ours_again, raw_again)});
}

}  // namespace bench
