#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

std::string with_range(const spread &s) {
  return figure(s.median) + " (" + figure(s.least) + "–" + figure(s.most) + ")";
}

std::string text_of(const contest &table) {
  std::ostringstream text;
  const bool tails = table.has_tails();
  text << "### " << table.id() << ": " << table.title() << "\n\n| variant | "
       << table.unit() << (tails ? " | tail" : "");
  if (!table.base().empty()) text << " | ÷ " << table.base();
  text << " |\n|---|---" << (tails ? "|---" : "")
       << (table.base().empty() ? "" : "|---") << "|\n";
  for (const std::string &name : table.names()) {
    text << "| " << name << " | " << with_range(table.value(name));
    if (tails) text << " | " << with_range(table.tail(name));
    if (!table.base().empty()) {
      text << " | " << with_range(table.ratio(name, table.base()));
    }
    text << " |\n";
  }
  return text.str() + '\n';
}

void save(const std::filesystem::path &file, const std::string &text) {
  std::ofstream out(file);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace

std::string figure(double value) {
  const double size = std::fabs(value);
  const int digits = size == 0 || size >= 100 ? 0
                     : size >= 10             ? 1
                     : size >= 0.1            ? 2
                                              : 4;
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

bool target::met() const {
  switch (want) {
    case wanted::at_least:
      return found.median >= limit;
    case wanted::not_above:
      return found.surely <= limit;
    default:
      return found.median <= limit;
  }
}

std::string target::text() const {
  std::ostringstream text;
  switch (want) {
    case wanted::at_least:
      text << ">= ";
      break;
    case wanted::not_above:
      text << "not proved > ";
      break;
    default:
      text << "<= ";
  }
  text << limit;
  return text.str();
}

void report::add(const contest &table) {
  const std::string text = text_of(table);
  std::cout << text << std::flush;
  tables_ += text;
  plots_.emplace_back(table.id(), plot(table));
}

void report::judge(target t) { targets_.push_back(std::move(t)); }

void report::skip(const std::string &what) {
  std::cerr << "skipped: " << what << '\n';
  skipped_.push_back(what);
}

void report::condition(const std::string &name, const std::string &value) {
  conditions_.emplace_back(name, value);
}

std::string report::targets_table() const {
  std::ostringstream text;
  text << "| target | measured | median (range) | wanted | met |\n"
       << "|---|---|---|---|---|\n";
  for (const target &t : targets_) {
    text << "| " << t.id << " | " << t.measured << " | " << with_range(t.found)
         << " | " << t.text() << " | " << (t.met() ? "yes" : "**no**")
         << " |\n";
  }
  for (const std::string &what : skipped_) text << "\nSkipped: " << what;
  text << '\n';
  return text.str();
}

void report::write(const std::filesystem::path &directory) const {
  nlohmann::ordered_json all;
  std::string head;
  for (const auto &[name, value] : conditions_) {
    all["conditions"][name] = value;
    head += "* " + name + ": " + value + "\n";
  }
  all["targets"] = nlohmann::ordered_json::array();
  for (const target &t : targets_) {
    all["targets"].push_back({{"id", t.id},
                              {"measured", t.measured},
                              {"ratio", t.found.median},
                              {"range", {t.found.least, t.found.most}},
                              {"target", t.text()},
                              {"met", t.met()}});
  }
  all["skipped"] = skipped_;
  const std::string targets = targets_table();
  std::cout << targets;
  std::filesystem::create_directories(directory);
  for (const auto &[id, svg] : plots_) save(directory / (id + ".svg"), svg);
  save(directory / "tables.md", head + '\n' + targets + '\n' + tables_);
  save(directory / "latest.json", all.dump(2) + '\n');
}

}  // namespace bench
