#include <algorithm>
#include <ctime>

#include "run/nemesis.hpp"

namespace harness {

const std::map<std::string, std::string> &all_faults() {
  static const std::map<std::string, std::string> faults = {
      {"stop", "a client is frozen (SIGSTOP) and goes on (SIGCONT)"},
      {"freeze",
       "a client with all its threads, or the whole tool but its command, is "
       "frozen for longer than the lease"},
      {"kill_client", "kill -9 of a client"},
      {"terminate", "pg_terminate_backend() of a holder"},
      {"kill_backend", "kill -9 of a backend: the server restarts itself"},
      {"kill_server", "kill -9 of the postmaster, then a new start"},
      {"immediate", "immediate shutdown, then a new start"},
      {"link", "a router swallows all packets for a while"},
      {"pgbouncer", "restart of PgBouncer (session mode)"},
      {"promote",
       "the primary dies, an asynchronous standby that was behind "
       "is promoted"},
      {"clock", "a client's clock jumps by an hour (libfaketime)"},
      {"discard", "DISCARD ALL on a plain SQL session that holds a lock"},
      {"reset",
       "DISCARD ALL or pg_advisory_unlock_all() on a session of "
       "the library"},
      {"timeouts", "statement_timeout or lock_timeout fires in an acquire"},
      {"lock_table", "the server's lock table is full"}};
  return faults;
}

Track::Track(const NemesisOptions &options, std::string name,
             std::uint64_t salt)
    : options_(options),
      dice_(options.seed * 31 + salt),
      recorder_(options.history, std::move(name)) {}

void Track::offer(const std::string &name, Fault fault) {
  if (options_.faults.contains(name)) {
    faults_.emplace_back(name, std::move(fault));
    hits_[name] = 0;
  }
}

void Track::pause(std::int64_t least_ms, std::int64_t most_ms) {
  const std::int64_t ns = dice_.roll(least_ms, most_ms) * 1'000'000;
  timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
  nanosleep(&time, nullptr);
}

Line Track::begin(const std::string &fault, std::string_view effect,
                  std::string_view target, std::int32_t pid) {
  Line event = line(Op::kFault, Ev::kInvoke, fault);
  event.slot = effect;
  event.target = target;
  event.pid = pid;
  recorder_.record(event);
  return event;
}

bool Track::end(Line fault, bool hit) {
  fault.ev = hit ? Ev::kOk : Ev::kFail;
  recorder_.record(fault);
  return hit;
}

bool Track::had_enough() const {
  return std::ranges::all_of(hits_, [this](const auto &fault) {
    return fault.second >= options_.least_hits;
  });
}

void Track::run(Moment end, Moment limit) {
  const auto over = [&] {
    const Moment now = std::chrono::steady_clock::now();
    return told_to_end() || now >= limit || (now >= end && had_enough());
  };
  while (!over()) {
    if (!faults_.empty()) {
      std::size_t next = 0;
      for (std::size_t i = 1; i < faults_.size(); ++i) {
        const int mine = hits_[faults_[i].first];
        const int least = hits_[faults_[next].first];
        if (mine < least || (mine == least && dice_.chance(0.5))) {
          next = i;
        }
      }
      hits_[faults_[next].first] += static_cast<int>(faults_[next].second());
    }
    recover();
  }
}

}  // namespace harness
