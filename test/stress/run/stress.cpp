#include "run/stress.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <thread>

#include "nodes/session.hpp"
#include "run/nemesis.hpp"
#include "run/process.hpp"

namespace harness {
namespace {

constexpr int kPoolerPort = 2;  // beyond the server's
constexpr int kProxyPort = 3;

class Trial {
 public:
  explicit Trial(const StressOptions &options)
      : options_(options),
        history_(options.directory + "/history.ndjson"),
        roster_(options.program, options.directory + "/nodes.log") {
    nemesis_.faults = options.faults;
    nemesis_.history = history_;
    nemesis_.clock_file = options.directory + "/clock";
    nemesis_.seed = options.seed;
    nemesis_.lease_ms = options.lease_ms;
    nemesis_.least_hits = options.least_hits;
    std::filesystem::create_directory(options.directory + "/resource");
    std::ofstream(nemesis_.clock_file) << "+0\n";
    if (options.conninfo.empty()) {
      cluster_.emplace(options.directory);
    }
  }

  void play() {
    prepare_database();
    if (cluster_) {
      prepare_ways();
    }
    fill_roster();
    const Moment end = std::chrono::steady_clock::now() +
                       std::chrono::seconds(options_.seconds);
    const Moment limit = end + 2 * std::chrono::seconds(options_.seconds);
    std::exception_ptr trouble;
    {
      const std::jthread clients(
          [&] { ClientTrack(nemesis_, roster_).run(end, limit); });
      try {
        if (cluster_) {
          ServerTrack(nemesis_, *cluster_, network_ ? &*network_ : nullptr,
                      pooler_ ? &*pooler_ : nullptr,
                      proxy_ ? &*proxy_ : nullptr)
              .run(end, limit);
        }
      } catch (...) {
        trouble = std::current_exception();
      }
    }
    roster_.end();
    if (trouble) {
      std::rethrow_exception(trouble);
    }
    read_effects();
  }

  const std::string &history() const { return history_; }
  std::vector<std::string> accidents() const { return roster_.accidents(); }

 private:
  bool enabled(const char *fault) const {
    return options_.faults.contains(fault);
  }

  std::string conninfo() const {
    return cluster_ ? cluster_->conninfo() : options_.conninfo;
  }

  static void must(Session &session, const std::string &sql) {
    if (const Answer answer = session.exec(sql); !answer.ok()) {
      throw std::runtime_error(sql + ": " + answer.message);
    }
  }

  void prepare_database() {
    Session session(conninfo());
    // A restart shuts all names for so long.
    must(session, options_.kinds.contains("lease")
                      ? "SELECT lock_namespace('harness', max_lease => '" +
                            std::to_string(options_.lease_ms) + " ms')"
                      : "SELECT lock_namespace('harness')");
    must(session,
         "CREATE TABLE harness_effect (name text, slot text, value bigint)");
    must(session,
         "CREATE TABLE harness_counter"
         " (name text PRIMARY KEY, value bigint)");
    must(session,
         "INSERT INTO harness_counter SELECT prefix || 'task-' || n, 0"
         " FROM (VALUES (''), ('once-')) p (prefix), generate_series(1, 2) n");
  }

  // The far place and what stands in between.
  void prepare_ways() {
    Postmaster &primary = cluster_->primary();
    if (enabled("link")) {
      network_.emplace();
      Session session(primary.conninfo());
      must(session, "ALTER SYSTEM SET listen_addresses = '127.0.0.1," +
                        network_->server_address() + "'");
      std::ofstream(primary.data() + "/pg_hba.conf", std::ios::app)
          << "host all all " << network_->far_subnet() << " trust\n";
      primary.stop();
      primary.start();
    }
    if (enabled("pgbouncer")) {
      pooler_.emplace(std::getenv("PGHOST"), primary.port() + kPoolerPort,
                      std::getenv("SERVER_USER"));
      pooler_->start(primary.port());
    }
    if (enabled("reset")) {
      proxy_.emplace(options_.directory, std::getenv("PGHOST"),
                     primary.port() + kProxyPort);
      proxy_->aim(primary.port());
    }
  }

  Place place(const std::string &kind, const std::string &name) const {
    Place made;
    made.options.kind = kind;
    made.options.name = name;
    made.options.conninfo = conninfo();
    made.options.history = history_;
    made.options.resource = options_.directory + "/resource";
    made.options.tool = kind == "cli" ? options_.tool : "";
    made.options.seed = options_.seed * 100 + seeds_++;
    made.options.lease_ms = options_.lease_ms;
    made.options.names = options_.names;
    if (kind == "cli") {
      made.environment = libpq_environment(made.options.conninfo);
    }
    made.options.discard = enabled("discard");
    made.options.timeouts = enabled("timeouts");
    return made;
  }

  // The tool is told by libpq's own variables where the server is.
  static std::map<std::string, std::string> libpq_environment(
      const std::string &conninfo) {
    std::map<std::string, std::string> found;
    PQconninfoOption *options = PQconninfoParse(conninfo.c_str(), nullptr);
    for (PQconninfoOption *option = options;
         option != nullptr && option->keyword != nullptr; ++option) {
      if (option->val != nullptr && option->envvar != nullptr) {
        found[option->envvar] = option->val;
      }
    }
    PQconninfoFree(options);
    return found;
  }

  // Every second one lives with a wrong clock.
  Place clocked(Place place) const {
    if (enabled("clock")) {
      place.environment.insert(
          {{"LD_PRELOAD", options_.clock_library},
           {"FAKETIME_TIMESTAMP_FILE", nemesis_.clock_file},
           {"FAKETIME_NO_CACHE", "1"},
           {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}});
    }
    return place;
  }

  Place far(Place place) const {
    place.network = network_->far();
    place.options.conninfo = cluster_->conninfo(network_->server_address());
    return place;
  }

  Place pooled(Place place) const {
    place.options.conninfo = pooler_->conninfo();
    place.options.pooler = true;
    return place;
  }

  Place betrayed(Place place) const {
    place.options.conninfo = proxy_->conninfo();
    if (place.options.kind == "cli") {
      place.environment = libpq_environment(place.options.conninfo);
    }
    return place;
  }

  // More clients than the pool has connections.
  void add_lease_nodes() {
    for (int i = 1; pooler_ && i <= 3 * options_.nodes; ++i) {
      Place next = place("lease", "lease-" + std::to_string(i));
      next.options.conninfo = pooler_->conninfo("leases");
      roster_.add(i % 2 == 0 ? clocked(next) : next);
    }
  }

  void fill_roster() {
    for (const std::string &kind : options_.kinds) {
      if (kind == "lease") {
        add_lease_nodes();
        continue;
      }
      for (int i = 1; i <= options_.nodes; ++i) {
        const Place next = place(kind, kind + "-" + std::to_string(i));
        roster_.add(i % 2 == 0 ? clocked(next) : next);
      }
      if (proxy_ && (kind == "facade" || kind == "cli")) {
        roster_.add(betrayed(place(kind, "reset-" + kind)));
      }
      if (kind == "cli" || kind == "task") {
        continue;
      }
      if (network_) {
        roster_.add(far(place(kind, "far-" + kind)));
      }
      if (pooler_) {
        roster_.add(pooled(place(kind, "pgb-" + kind)));
      }
    }
  }

  // What the tasks left behind, into the history.
  void read_effects() {
    Session session(conninfo());
    Recorder recorder(history_, "reader");
    const Answer answer =
        session.exec("SELECT name, slot, value FROM harness_effect", {},
                     std::chrono::seconds(60));
    if (!answer.ok()) {
      throw std::runtime_error("could not read what the tasks left behind: " +
                               answer.message);
    }
    recorder.record(line(Op::kEffect, Ev::kInvoke, ""));
    for (const auto &row : answer.rows) {
      Line event = line(Op::kEffect, Ev::kOk, *row[0]);
      event.slot = *row[1];
      event.value = std::stoll(*row[2]);
      recorder.record(event);
    }
  }

  StressOptions options_;
  std::string history_;
  NemesisOptions nemesis_;
  std::optional<Cluster> cluster_;
  std::optional<Network> network_;
  std::optional<Pooler> pooler_;
  std::optional<Proxy> proxy_;
  Roster roster_;
  mutable std::uint64_t seeds_ = 0;
};

}  // namespace

std::vector<std::string> leave_out_impossible(StressOptions &options) {
  std::vector<std::string> notes;
  if (!options.conninfo.empty()) {  // somebody else's server: leave it alone
    std::erase_if(options.faults, [](const std::string &fault) {
      return fault != "stop" && fault != "freeze" && fault != "kill_client" &&
             fault != "clock" && fault != "discard" && fault != "timeouts";
    });
  }
  const auto need = [&](const char *fault, bool possible, const char *why) {
    if (options.faults.contains(fault) && !possible) {
      options.faults.erase(fault);
      notes.push_back(std::string("no fault ") + fault + ": " + why);
    }
  };
  need("link", !options.faults.contains("link") || Network::possible(),
       "this machine does not let us make network namespaces");
  need("pgbouncer", !options.faults.contains("pgbouncer") || Pooler::possible(),
       "PgBouncer is not installed");
  need("clock", !options.clock_library.empty(), "libfaketime is not installed");
  if (options.kinds.contains("cli") && options.tool.empty()) {
    options.kinds.erase("cli");
    notes.emplace_back("no nodes of the command line: it is not built");
  }
  need("reset",
       options.kinds.contains("facade") || options.kinds.contains("cli") ||
           options.kinds.contains("lease"),
       "no nodes of the library");
  if (!options.kinds.contains("sql")) {
    need("discard", false, "no plain SQL nodes");
    need("timeouts", false, "no plain SQL nodes");
  }
  return notes;
}

int stress(StressOptions options, std::ostream &out) {
  if (options.least_hits < 0) {
    options.least_hits =
        static_cast<int>(std::clamp<std::int64_t>(options.seconds / 30, 1, 20));
  }
  umask(0);  // the server's user and ours share the directory
  std::vector<std::string> notes = leave_out_impossible(options);
  out << "seed " << options.seed << ", " << options.seconds << " s, lease "
      << options.lease_ms << " ms" << std::endl;
  std::string history;
  {
    Trial trial(options);
    trial.play();
    history = trial.history();
    for (const std::string &accident : trial.accidents()) {
      notes.push_back(accident);
    }
  }
  return report(options, history, notes, out);
}

}  // namespace harness
