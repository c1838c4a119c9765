// What grants write, and what holding costs when nothing happens.
#include <unistd.h>

#include <pg_exclusive/pg_exclusive.hpp>
#include <set>
#include <string>
#include <thread>

#include "peers/postgres.hpp"
#include "tables/tables.hpp"

namespace bench {
namespace {

// The write-ahead log so far, of the whole server.
struct log_position {
  double bytes = 0;
  double syncs = 0;

  explicit log_position(postgres &session) {
    session.exec("SELECT pg_stat_force_next_flush()");
    bytes = std::stod(session.exec(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"));
    syncs = std::stod(session.exec(
        session.exec("SELECT current_setting('server_version_num')::int >= "
                     "180000") == "t"
            ? "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"
            : "SELECT wal_sync FROM pg_stat_wal"));
  }
};

struct written_by {
  double bytes = 0;
  double syncs = 0;
};

template <class F>
written_by watch_log(postgres &session, F &&act) {
  const log_position before(session);
  act();
  const log_position after(session);
  return {after.bytes - before.bytes, after.syncs - before.syncs};
}

}  // namespace

void written(report &to, const effort &how) {
  constexpr const char *grants = "10,000 grants with a token";
  constexpr const char *commits = "100 commits of a row, to compare";
  contest bytes("written", "bytes of write-ahead log", "bytes", "");
  contest syncs("synced", "fsyncs of the write-ahead log", "fsyncs", "");
  postgres session;
  session.prepare("try", "SELECT try_lock($1, $2)");
  session.prepare("token", "SELECT fencing_token($1, $2) > 0");
  session.prepare("unlock", "SELECT unlock($1, $2)");
  session.exec("CREATE TABLE IF NOT EXISTS row_to_write (i int)");
  session.must("try", {"bench", "first"});  // the server's epoch
  session.exec("CHECKPOINT");
  const auto measure = [&](const char *name, auto &&act) {
    for (int round = 0; round < how.some_rounds(); ++round) {
      const auto found = watch_log(session, act);
      bytes.record(name, {found.bytes});
      syncs.record(name, {found.syncs});
    }
  };
  // Grants first: after commits the server logs its running transactions.
  measure(grants, [&] {
    for (int i = 0; i < how.count(10'000); ++i) {
      session.must("try", {"bench", "token"});
      session.must("token", {"bench", "token"});
      session.must("unlock", {"bench", "token"});
    }
  });
  measure(commits, [&] {
    for (int i = 0; i < how.count(100); ++i) {
      session.exec("INSERT INTO row_to_write VALUES (1)");
    }
  });
  to.add(bytes);
  to.add(syncs);
  to.judge({"T11a", "bytes of WAL per 10,000 grants with a token",
            target::wanted::at_most, 1000, bytes.value(grants)});
  to.judge({"T11b", "fsyncs per 10,000 grants with a token",
            target::wanted::at_most, 0, syncs.value(grants)});
}

void idle(report &to, const effort &how) {
  constexpr const char *both = "client and its backends";
  contest table("idle", "a C++ client with 1,000 holds, idle", "% of a core",
                "");
  const auto lease = how.smoke ? std::chrono::milliseconds(3000)
                               : pg_exclusive::client_options{}.lease;
  pg_exclusive::client locks("", {.lease = lease});
  std::vector<pg_exclusive::hold> held;
  std::set<pid_t> backends;
  for (int i = 0; i < how.count(1000); ++i) {
    held.push_back(
        locks.try_lock({"bench", "idle-" + std::to_string(i)}).value());
    backends.insert(held.back().backend_pid());
  }
  const auto server_seconds = [&] {
    double sum = 0;
    for (const pid_t backend : backends) sum += processor_seconds(backend);
    return sum;
  };
  const auto beats = locks.stats().heartbeats;
  const int windows = std::max(3, how.some_rounds());  // beats drift
  for (int round = 0; round < windows; ++round) {
    const double client_before = processor_seconds(getpid());
    const double server_before = server_seconds();
    const auto from = clock::now();
    std::this_thread::sleep_for(lease / 3);  // a heartbeat of each session
    const double share =
        100 / std::chrono::duration<double>(clock::now() - from).count();
    const double client = share * (processor_seconds(getpid()) - client_before);
    const double server = share * (server_seconds() - server_before);
    table.record("client", {client});
    table.record("its backends", {server});
    table.record(both, {client + server});
  }
  if (locks.stats().heartbeats == beats || !held.front().held()) {
    throw std::runtime_error("there were no heartbeats");
  }
  to.add(table);
  to.judge({"T13", "% of a core for an idle client with 1,000 holds",
            target::wanted::at_most, 0.1, table.value(both)});
}

}  // namespace bench
