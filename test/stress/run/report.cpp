// The summary: what was done, what was hit, what was found.

#include <algorithm>
#include <iomanip>
#include <ostream>

#include "run/nemesis.hpp"
#include "run/stress.hpp"

namespace harness {
namespace {

constexpr std::size_t kWindows = 5;
constexpr int kNameWidth = 14;
constexpr int kRecoveryWidth = 20;

// "median / longest" in milliseconds.
std::string recovery(const Verdict &verdict, const std::string &fault) {
  const auto found = verdict.recoveries.find(fault);
  if (found == verdict.recoveries.end()) {
    return "-";
  }
  constexpr std::int64_t kMillisecond = 1'000'000;
  const std::vector<std::int64_t> &times = found->second;
  return std::to_string(times[times.size() / 2] / kMillisecond) + " / " +
         std::to_string(times.back() / kMillisecond);
}

void print_faults(const StressOptions &options, const Verdict &verdict,
                  std::ostream &out) {
  const auto row = [&out](const std::string &name, const std::string &hits,
                          const std::string &back, const std::string &what) {
    out << std::left << std::setw(kNameWidth) << name << std::right
        << std::setw(6) << hits << std::setw(kRecoveryWidth) << back << "  "
        << what << '\n';
  };
  row("fault", "hits", "granted again (ms)", "what");
  for (const auto &[name, text] : all_faults()) {
    const auto hits = verdict.hits.find(name);
    const std::string count =
        hits == verdict.hits.end() ? "0" : std::to_string(hits->second);
    row(name, options.faults.contains(name) ? count : "off",
        recovery(verdict, name), text);
  }
  for (const auto &[name, hits] : verdict.hits) {
    if (!all_faults().contains(name)) {
      row(name, std::to_string(hits), recovery(verdict, name),
          "noted by somebody else");
    }
  }
}

// A model that nothing could have broken.
std::vector<std::string> idle_models(const StressOptions &options,
                                     const Workload &work) {
  std::vector<std::string> found;
  const auto need = [&](std::initializer_list<const char *> kinds,
                        std::uint64_t count, const char *what) {
    const bool wanted = std::ranges::any_of(
        kinds, [&](const char *kind) { return options.kinds.contains(kind); });
    if (wanted && count == 0) {
      found.emplace_back(what);
    }
  };
  need({"sql", "facade", "cli"}, work.of(Mode::kExclusive),
       "no exclusive lock was ever granted");
  need({"sql"}, work.readers_together, "no two readers ever met");
  need({"sql", "facade"}, work.semaphore_full, "no semaphore was ever full");
  need({"task", "facade"}, work.second_runs,
       "no slot was ever refused a second run");
  return found;
}

// Why the run proves nothing, if so.
std::vector<std::string> doubts(const StressOptions &options,
                                const Verdict &verdict) {
  std::vector<std::string> found;
  for (const std::string &fault : options.faults) {
    const auto hits = verdict.hits.find(fault);
    const std::uint64_t count = hits == verdict.hits.end() ? 0 : hits->second;
    if (count < static_cast<std::uint64_t>(options.least_hits)) {
      found.push_back("fault " + fault + " hit " + std::to_string(count) +
                      " times, needed are " +
                      std::to_string(options.least_hits));
    }
  }
  if (verdict.determinate_share() < options.least_determinate) {
    found.emplace_back("too many operations have an unknown outcome");
  }
  if (options.least_hits > 0) {
    for (std::string &idle : idle_models(options, verdict.workload)) {
      found.push_back(std::move(idle));
    }
  }
  return found;
}

std::map<std::string, std::size_t> count_rules(const Violations &violations) {
  std::map<std::string, std::size_t> counts;
  for (const Violation &violation : violations) {
    ++counts[violation.rule];
  }
  return counts;
}

}  // namespace

int report(const StressOptions &options, const std::string &history_file,
           const std::vector<std::string> &notes, std::ostream &out) {
  const History history = load(history_file);
  Promises promises;
  promises.report_bound = options.report_bound_ms * INT64_C(1'000'000);
  const Verdict verdict = check(history, promises);
  // One window for each rule before a second one for any.
  std::map<std::string, std::size_t> shown;
  std::size_t windows = 0;
  for (const Violation &violation : verdict.violations) {
    if (shown[violation.rule]++ == 0 && windows++ < kWindows) {
      print_window(out, history, violation);
      out << '\n';
    }
  }
  print_faults(options, verdict, out);
  for (const std::string &note : notes) {
    out << "note: " << note << '\n';
  }
  out << "operations: " << verdict.operations << ", determinate " << std::fixed
      << std::setprecision(1) << verdict.determinate_share() * 100
      << " %; grants " << verdict.grants << ", fenced writes " << verdict.writes
      << ", runs " << verdict.successful_runs << "; events "
      << history.events.size() << '\n';
  const Workload &work = verdict.workload;
  out << "exclusive " << work.of(Mode::kExclusive) << "; shared "
      << work.of(Mode::kShared) << ", " << work.readers_together
      << " beside another reader; permits " << work.of(Mode::kPermit) << ", "
      << work.semaphore_full << " the last one; second runs refused "
      << work.second_runs << '\n';
  for (const auto &[rule, count] : count_rules(verdict.violations)) {
    out << "violations of " << rule << ": " << count << '\n';
  }
  out << "violations: " << verdict.violations.size() << '\n';
  const std::vector<std::string> why = doubts(options, verdict);
  for (const std::string &doubt : why) {
    out << "proved nothing: " << doubt << '\n';
  }
  return verdict.violations.empty() && why.empty() ? 0 : 1;
}

}  // namespace harness
