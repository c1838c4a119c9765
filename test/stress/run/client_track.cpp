// Faults of clients.

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "run/nemesis.hpp"
#include "run/process.hpp"

namespace harness {

ClientTrack::ClientTrack(const NemesisOptions &options, Roster &roster)
    : Track(options, "nemesis-client", 2), roster_(roster) {
  offer("stop", [this] { return stop(); });
  offer("freeze", [this] { return freeze(); });
  offer("kill_client", [this] { return kill_client(); });
  offer("clock", [this] { return turn_clock(); });
}

void ClientTrack::recover() {
  roster_.revive();
  pause(50, 250);
}

std::size_t ClientTrack::draw_place() {
  return static_cast<std::size_t>(
      dice().roll(0, static_cast<std::int64_t>(roster_.places().size()) - 1));
}

bool ClientTrack::stop() {
  const std::size_t place = draw_place();
  const Line fault = begin("stop", "freezes", roster_.places()[place].node());
  const pid_t pid = roster_.signal(place, SIGSTOP, dice());
  // A third of them longer than the lease.
  const std::int64_t lease = options().lease_ms;
  dice().chance(0.33) ? pause(lease, lease * 3 / 2) : pause(10, lease / 2);
  const bool hit = pid != 0 && kill(pid, SIGCONT) == 0;
  return end(fault, hit);
}

// Longer than the lease, so the server has ended the sessions.  The client has
// to hear of it when it goes on.  The tool cannot end its command while all of
// it is frozen, and has to when it goes on: the same as if the server had ended
// the hold without a word.
bool ClientTrack::freeze() {
  const std::size_t place = draw_place();
  const Place &victim = roster_.places()[place];
  const bool tool = victim.options.kind == "cli";
  const Line fault = begin("freeze", tool ? "ends" : "freezes", victim.node());
  const std::vector<pid_t> all = roster_.client_processes(place);
  for (const pid_t pid : all) {
    kill(pid, SIGSTOP);
  }
  const std::int64_t lease = options().lease_ms;
  pause(lease * 5 / 4, lease * 2);
  bool hit = !all.empty();
  for (const pid_t pid : all) {
    hit = kill(pid, SIGCONT) == 0 && hit;
  }
  return end(fault, hit);
}

bool ClientTrack::kill_client() {
  const std::size_t place = draw_place();
  // The tool's command must not outlive its lock, so killing a process of the
  // tool explains nothing.
  const Place &victim = roster_.places()[place];
  const Line fault =
      begin("kill_client", victim.options.kind == "cli" ? "" : "kills",
            victim.node());
  return end(fault, roster_.signal(place, SIGKILL, dice()) != 0);
}

bool ClientTrack::turn_clock() {
  const Line fault = begin("clock", "");
  static constexpr std::array kOffsets{"+1h", "-1h", "+0"};
  const std::string fresh = options().clock_file + ".new";
  std::ofstream(fresh) << kOffsets[dice().roll(0, 2)] << '\n';
  std::filesystem::rename(fresh, options().clock_file);
  return end(fault, true);
}

}  // namespace harness
