// What was measured: tables, plots, and whether the targets are met.

#ifndef PG_EXCLUSIVE_TEST_BENCH_REPORT_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_REPORT_HPP_

#include <filesystem>
#include <string>
#include <vector>

#include "contest.hpp"

namespace bench {

struct target {
  // What is no worse than something equal is above 1 in half of all runs:
  // `not_above` is missed only when the rounds prove it, with 95 % confidence.
  enum class wanted { at_most, at_least, not_above };
  std::string id;
  std::string measured;
  wanted want = wanted::at_most;
  double limit = 0;
  spread found;

  [[nodiscard]] bool met() const;
  [[nodiscard]] std::string text() const;  // e.g. "<= 1.05"
};

class report {
 public:
  // Prints the table, and keeps it and its plot for later.
  void add(const contest &table);
  // The verdict is about the median, or what it surely is above.
  void judge(target t);
  // What could not be measured here, and why.
  void skip(const std::string &what);
  // A line about the conditions: versions, settings, load.
  void condition(const std::string &name, const std::string &value);

  // Prints the targets and writes latest.json, tables.md and a plot per table
  // there.
  void write(const std::filesystem::path &directory) const;

 private:
  [[nodiscard]] std::string targets_table() const;

  std::vector<target> targets_;
  std::vector<std::string> skipped_;
  std::vector<std::pair<std::string, std::string>> conditions_;
  std::vector<std::pair<std::string, std::string>> plots_;  // id, SVG
  std::string tables_;
};

// The table as a bar chart.
std::string plot(const contest &table);

// Three significant digits, or all of a larger number.
std::string figure(double value);

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_REPORT_HPP_
