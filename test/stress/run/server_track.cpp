// Faults of the server, and of what lies between it and its clients.

#include <csignal>

#include "nodes/session.hpp"
#include "run/nemesis.hpp"
#include "run/process.hpp"

namespace harness {

using std::chrono::milliseconds;
using std::chrono::seconds;

ServerTrack::ServerTrack(const NemesisOptions &options, Cluster &cluster,
                         Network *network, Pooler *pooler, Proxy *proxy)
    : Track(options, "nemesis-server", 1),
      cluster_(cluster),
      network_(network),
      pooler_(pooler),
      proxy_(proxy) {
  offer("terminate", [this] { return terminate(); });
  offer("kill_backend", [this] { return kill_backend(); });
  offer("kill_server", [this] {
    return restart("kill_server", [](Postmaster &p) { p.kill_postmaster(); });
  });
  offer("immediate", [this] {
    return restart("immediate", [](Postmaster &p) { p.stop_immediately(); });
  });
  offer("promote", [this] { return promote(); });
  offer("lock_table", [this] { return fill_lock_table(); });
  offer("link", [this] { return cut_link(); });
  offer("pgbouncer", [this] { return restart_pooler(); });
  offer("reset", [this] { return reset(); });
}

// Time for the clients to do something that can be judged.
void ServerTrack::recover() { pause(50, 250); }

int ServerTrack::victim(Session &session, const std::string &among) {
  const Answer answer = session.exec(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
      " AND pid <> pg_backend_pid()"
      " AND ($1 = '' OR pid = ANY(string_to_array($1, ',')::int[]))"
      " ORDER BY pid",
      {among});
  if (!answer.ok() || answer.rows.empty()) {
    return 0;
  }
  const auto row = static_cast<std::size_t>(
      dice().roll(0, static_cast<std::int64_t>(answer.rows.size()) - 1));
  return std::stoi(answer.rows[row][0].value_or("0"));
}

bool ServerTrack::terminate() {
  Session session(cluster_.primary().conninfo());
  const int pid = victim(session);
  if (pid == 0) {
    pause(10, 20);
    return false;
  }
  const Line fault = begin("terminate", "ends", {}, pid);
  const Answer answer = session.exec(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE pid = $1::int"
      " AND locktype = 'advisory' AND granted LIMIT 1",
      {std::to_string(pid)}, seconds(10));
  // Whoever got the signal was hit, however long he took to go.
  return end(fault, answer.lost() || !answer.rows.empty());
}

bool ServerTrack::kill_backend() {
  Session witness(cluster_.primary().conninfo());
  const int pid = victim(witness);
  if (pid == 0 || !witness.connected()) {
    pause(10, 20);
    return false;
  }
  const Line fault = begin("kill_backend", "ends");
  const bool killed = kill(pid, SIGKILL) == 0;
  // The server throws everybody out, then lets them in again.
  const bool out =
      killed &&
      wait_until([&] { return !witness.rest(milliseconds(5)); }, seconds(10));
  const bool back = wait_until(
      [&] { return Session(cluster_.primary().conninfo()).connected(); },
      seconds(30));
  return end(fault, out && back);
}

bool ServerTrack::restart(const std::string &name,
                          const std::function<void(Postmaster &)> &stop) {
  const Line fault = begin(name, "ends");
  stop(cluster_.primary());
  const bool hit = end(fault, true);
  pause(0, 200);
  cluster_.primary().start();
  return hit;
}

bool ServerTrack::promote() {
  cluster_.make_standby();
  pause(50, 200);
  const Line fault = begin("promote", "forgets");
  cluster_.fail_over();
  const bool hit = end(fault, true);
  if (proxy_ != nullptr) {
    proxy_->aim(cluster_.primary().port());
  }
  if (pooler_ != nullptr) {
    pooler_->stop();
    pooler_->start(cluster_.primary().port());
  }
  return hit;
}

bool ServerTrack::fill_lock_table() {
  Session session(cluster_.primary().conninfo());
  const Line fault = begin("lock_table", "");
  const Answer answer = session.exec(
      "SELECT count(pg_advisory_lock(1, n)) FROM generate_series(1, 100000) n",
      {}, seconds(20));
  const bool full = answer.sqlstate == "53200";
  if (full) {
    session.rest(milliseconds(dice().roll(10, 60)));
  }
  session.exec("SELECT pg_advisory_unlock_all()");
  return end(fault, full);
}

bool ServerTrack::cut_link() {
  const Line fault = begin("link", "cuts", "far-");
  network_->cut();
  // From a moment to well beyond the lease, so that both ends give up.
  pause(100, options().lease_ms * 5 / 2);
  network_->mend();
  return end(fault, true);
}

bool ServerTrack::restart_pooler() {
  const Line fault = begin("pgbouncer", "ends", "pgb-");
  pooler_->stop();
  const bool hit = end(fault, true);
  pooler_->start(cluster_.primary().port());
  return hit;
}

bool ServerTrack::reset() {
  Session session(cluster_.primary().conninfo());
  const std::string behind = proxy_->backends();
  const int pid = behind.empty() ? 0 : victim(session, behind);
  if (pid == 0) {
    pause(10, 20);
    return false;
  }
  const Line fault = begin("reset", "ends", {}, pid);
  return end(fault, proxy_->inject(pid,
                                   "SELECT FROM pg_locks WHERE granted"
                                   " AND locktype = 'advisory'"
                                   " AND pid = pg_backend_pid()",
                                   dice().chance(0.5)
                                       ? "DISCARD ALL"
                                       : "SELECT pg_advisory_unlock_all()",
                                   milliseconds(500)));
}

}  // namespace harness
