// The shortest readable piece of a history around a violation.

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <set>

#include "checker/checker.hpp"

namespace harness {
namespace {

std::string describe(const History &history, const Event &event) {
  const auto text = [&](std::uint32_t number) {
    return history.strings.text(number);
  };
  std::string line = std::string(to_string(event.op)) + ' ' +
                     std::string(to_string(event.ev)) + ' ' + text(event.name);
  const auto add = [&line](const char *key, const auto &value) {
    line += std::string("  ") + key + ' ' + value;
  };
  if (event.mode != Mode::kExclusive) {
    add("mode", std::string(to_string(event.mode)));
  }
  if (event.token != 0) add("token", std::to_string(event.token));
  if (event.value != 0) add("value", std::to_string(event.value));
  if (event.slot != 0) add("slot", text(event.slot));
  if (event.target != 0) add("target", text(event.target));
  if (event.pid != 0) add("pid", std::to_string(event.pid));
  return line;
}

// The contradicting events, and what else happened to the same lock or node
// between them.  Faults belong to every lock.
std::vector<Index> select(const History &history,
                          const std::set<Index> &marked) {
  std::set<std::uint32_t> names;
  for (const Index i : marked) {
    if (history.events[i].op != Op::kFault) {
      names.insert(history.events[i].name);
    }
  }
  std::vector<Index> shown;
  for (Index i = *marked.begin(); i <= *marked.rbegin(); ++i) {
    const Event &event = history.events[i];
    if (event.op == Op::kFault || names.contains(event.name)) {
      shown.push_back(i);
    }
  }
  return shown;
}

}  // namespace

void print_window(std::ostream &out, const History &history,
                  const Violation &violation, std::size_t lines) {
  out << "VIOLATION " << violation.rule << ": " << violation.text << '\n';
  if (violation.events.empty()) {
    return;
  }
  const std::set<Index> marked(violation.events.begin(),
                               violation.events.end());
  const std::vector<Index> shown = select(history, marked);
  const std::int64_t start = history.events[shown.front()].t;
  std::size_t left = lines - std::min(lines, marked.size());
  std::size_t skipped = 0;
  const auto report_skipped = [&] {
    if (skipped > 0) {
      out << "        ... " << skipped << " more events\n";
    }
    skipped = 0;
  };
  for (const Index i : shown) {
    const bool mark = marked.contains(i);
    if (!mark && left == 0) {
      ++skipped;
      continue;
    }
    left -= !mark;
    report_skipped();
    const Event &event = history.events[i];
    out << (mark ? " >> " : "    ") << std::setw(12) << std::fixed
        << std::setprecision(3) << static_cast<double>(event.t - start) / 1e6
        << " ms  " << std::left << std::setw(14)
        << history.strings.text(event.node) << std::right
        << describe(history, event) << '\n';
  }
  report_skipped();
}

}  // namespace harness
