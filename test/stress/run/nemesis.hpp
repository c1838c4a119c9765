// The nemesis: everything that goes wrong in a run, in an order that the seed
// decides.
//
// Two tracks run beside each other: faults of the server and the ways to it,
// and faults of clients.  Within a track one fault is over before the next one
// comes.  The fault with the fewest hits comes next, so all get their share.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_NEMESIS_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_NEMESIS_HPP_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "nodes/session.hpp"
#include "run/network.hpp"
#include "run/pooler.hpp"
#include "run/proxy.hpp"
#include "run/roster.hpp"
#include "run/server.hpp"

namespace harness {

// Every fault there is, with a word for the summary.
const std::map<std::string, std::string> &all_faults();

struct NemesisOptions {
  std::set<std::string> faults;
  std::string history;
  std::string clock_file;  // libfaketime reads the offset from it
  std::uint64_t seed = 1;
  std::int64_t lease_ms = 2000;
  int least_hits = 0;  // of each fault; the run is longer until it has them
};

using Moment = std::chrono::steady_clock::time_point;

// One track: what it can do, and how often it did.
class Track {
 public:
  Track(const NemesisOptions &options, std::string name, std::uint64_t salt);
  virtual ~Track() = default;
  Track(const Track &) = delete;
  Track &operator=(const Track &) = delete;

  // Faults, one after the other, until `end`; or until `limit`, as long as one
  // of them has not hit often enough.
  void run(Moment end, Moment limit);

 protected:
  // Does it and returns whether it hit anything.
  using Fault = std::function<bool()>;
  void offer(const std::string &name, Fault fault);
  // Between two faults.
  virtual void recover() {}
  void pause(std::int64_t least_ms, std::int64_t most_ms);

  // The fault that is being done, as the history shows it.
  Line begin(const std::string &fault, std::string_view effect,
             std::string_view target = {}, std::int32_t pid = 0);
  bool end(Line fault, bool hit);

  const NemesisOptions &options() const { return options_; }
  Dice &dice() { return dice_; }

 private:
  NemesisOptions options_;
  Dice dice_;
  Recorder recorder_;
  std::vector<std::pair<std::string, Fault>> faults_;
  std::map<std::string, int> hits_;

  bool had_enough() const;
};

// terminate, kill_backend, kill_server, immediate, promote, lock_table, link,
// pgbouncer, reset
class ServerTrack : public Track {
 public:
  // Null: what belongs to faults that are not enabled.
  ServerTrack(const NemesisOptions &options, Cluster &cluster, Network *network,
              Pooler *pooler, Proxy *proxy);

 protected:
  void recover() override;

 private:
  // The backend of a holder; one of `among`, if that is not empty.
  int victim(Session &session, const std::string &among = "");
  bool terminate();
  bool kill_backend();
  bool restart(const std::string &name,
               const std::function<void(Postmaster &)> &stop);
  bool promote();
  bool fill_lock_table();
  bool cut_link();
  bool restart_pooler();
  bool reset();

  Cluster &cluster_;
  Network *network_;
  Pooler *pooler_;
  Proxy *proxy_;
};

// stop, freeze, kill_client, clock
class ClientTrack : public Track {
 public:
  ClientTrack(const NemesisOptions &options, Roster &roster);

 protected:
  void recover() override;

 private:
  std::size_t draw_place();
  bool stop();
  bool freeze();
  bool kill_client();
  bool turn_clock();

  Roster &roster_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_NEMESIS_HPP_
