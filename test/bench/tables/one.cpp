// One client takes a lock that nobody has, and frees it.  Names change from
// pair to pair.
#include <array>
#include <memory>
#include <pg_exclusive/pg_exclusive.hpp>
#include <string>

#include "peers/etcd.hpp"
#include "peers/postgres.hpp"
#include "peers/redis.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

constexpr const char *floor_pair = "SELECT 1, twice";
constexpr const char *raw = "raw: pg_try_advisory_lock, prepared";
constexpr const char *named = "SQL: try_lock, prepared";
constexpr const char *library = "C++: client.try_lock";

// Names to go through, as text.
class names {
 public:
  names() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      all_[i] = "invoice:" + std::to_string(100000 + i);
      ids_[i] = std::to_string(7'000'000'000 + i);
    }
  }
  const std::string &next() { return all_[++at_ % all_.size()]; }
  const std::string &next_id() { return ids_[++at_ % ids_.size()]; }

 private:
  std::array<std::string, 1000> all_, ids_;
  std::size_t at_ = 0;
};

void add_ours(contest &table, postgres &session, names &keys, int pairs) {
  session.prepare("one", "SELECT 1");
  session.prepare("raw try", "SELECT pg_try_advisory_lock($1)");
  session.prepare("raw unlock", "SELECT pg_advisory_unlock($1)");
  session.prepare("try", "SELECT try_lock($1, $2)");
  session.prepare("unlock", "SELECT unlock($1, $2)");
  table.add(floor_pair, [&, pairs] {
    return time_each(pairs, [&] {
      session.run("one");
      session.run("one");
    });
  });
  table.add(raw, [&, pairs] {
    return time_each(pairs, [&] {
      const char *id = keys.next_id().c_str();
      session.must("raw try", {id});
      session.must("raw unlock", {id});
    });
  });
  table.add(named, [&, pairs] {
    return time_each(pairs, [&] {
      const char *key = keys.next().c_str();
      session.must("try", {"bench", key});
      session.must("unlock", {"bench", key});
    });
  });
}

void add_library(contest &table, pg_exclusive::client &locks, names &keys,
                 int pairs) {
  table.add(library, [&, pairs] {
    return time_each(pairs, [&] {
      locks.try_lock({"bench", keys.next()}).value().unlock();
    });
  });
}

void add_redis(contest &table, const char *name, redis &session, names &keys,
               int pairs) {
  table.add(name, [&, pairs] {
    return time_each(pairs, [&] {
      const std::string &key = keys.next();
      if (!session.try_lock(key)) throw std::runtime_error("Redis refused");
      session.unlock(key);
    });
  });
}

// A row with a time until which it is locked, committed durably.
void add_lease_table(contest &table, postgres &session, names &keys,
                     int pairs) {
  session.exec(
      "CREATE TABLE IF NOT EXISTS lease (name text PRIMARY KEY, "
      "until timestamptz NOT NULL)");
  session.prepare("take lease",
                  "INSERT INTO lease AS l VALUES ($1, now() + '1 minute') "
                  "ON CONFLICT (name) DO UPDATE SET until = excluded.until "
                  "WHERE l.until <= now() RETURNING true");
  session.prepare("free lease",
                  "UPDATE lease SET until = now() WHERE name = $1 "
                  "RETURNING true");
  table.add("lease in a table", [&, pairs] {
    return time_each(pairs, [&] {
      const char *key = keys.next().c_str();
      session.must("take lease", {key});
      session.must("free lease", {key});
    });
  });
}

void add_etcd(contest &table, etcd &session, names &keys, int pairs) {
  table.add("etcd, JSON gateway", [&, pairs] {
    return time_each(pairs, [&] {
      const std::string &key = keys.next();
      session.lock(key);
      session.unlock(key);
    });
  });
}

void judge(report &to, const contest &table, placement where) {
  using enum target::wanted;
  if (where == placement::cross) {
    to.judge({"T2", "named pair ÷ raw pair, cross", at_most, 1.02,
              table.ratio(named, raw)});
    return;
  }
  to.judge({"T1", "named pair ÷ raw pair, same core", at_most, 1.05,
            table.ratio(named, raw)});
  to.judge({"T3", "C++ client's pair ÷ raw pair, same core", at_most, 1.10,
            table.ratio(library, raw)});
}

}  // namespace

void one(report &to, const effort &how, placement where) {
  const bool same = where == placement::same;
  contest table(same ? "one-same" : "one-cross",
                std::string("take a free lock and free it, ") +
                    (same ? "same core" : "cross"),
                "µs a pair", raw);
  names keys;
  postgres session;
  pg_exclusive::client locks;
  std::unique_ptr<redis> over_unix, over_tcp;
  std::unique_ptr<etcd> cluster;
  const int pairs = how.count(same ? 2000 : 600);
  add_ours(table, session, keys, pairs);
  add_library(table, locks, keys, pairs);
  if (redis::there()) {
    over_unix = std::make_unique<redis>(redis::transport::unix_socket);
    over_tcp = std::make_unique<redis>(redis::transport::tcp);
    add_redis(table, "Redis: SET NX + script", *over_unix, keys, pairs);
    add_redis(table, "Redis: SET NX + script, TCP", *over_tcp, keys, pairs);
  }
  add_lease_table(table, session, keys, how.count(100));
  if (etcd::there()) {
    cluster = std::make_unique<etcd>();
    add_etcd(table, *cluster, keys, how.count(50));
  }
  place(where);
  table.run(3 * how.rounds);  // T1 to T3 are about a few per cent
  to.add(table);
  judge(to, table, where);
}

}  // namespace bench
