#include "calm.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "contest.hpp"
#include "report.hpp"

namespace bench {
namespace {

std::vector<double> &noted() {
  static std::vector<double> all;
  return all;
}

// Processes that run or want to, besides us.
double running() {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;) {
    double count = 0;
    if (word == "procs_running" && in >> count) return count - 1;
  }
  return 0;
}

// The most that were seen within a tenth of a second.
double busiest() {
  double most = 0;
  for (int look = 0; look < 10; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    most = std::max(most, running());
  }
  return most;
}

}  // namespace

void await_calm() {
  const char *patience = std::getenv("PATIENCE");
  const auto end =
      clock::now() +
      std::chrono::seconds(patience ? std::strtol(patience, nullptr, 10) : 0);
  double others = busiest();
  while (others > 0 && clock::now() < end) others = busiest();
  noted().push_back(others);
}

std::string others_running() {
  if (noted().empty()) return "not looked at";
  const spread s = spread_of(noted());
  return figure(s.median) + " (" + figure(s.least) + "–" + figure(s.most) + ")";
}

}  // namespace bench
