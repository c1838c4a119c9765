// doctor: looks for what may break locks.
#include <algorithm>
#include <iostream>
#include <map>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "commands/commands.hpp"
#include "commands/doctor_checks.hpp"
#include "db/conninfo.hpp"
#include "pg_exclusive/client.hpp"

namespace pg_exclusive::cli {

namespace {

const std::map<level, std::string> words{
    {level::ok, "ok"}, {level::warn, "warn"}, {level::fail, "fail"}};

std::vector<finding> examine(const doctor_options &wanted, const options &all) {
  const std::string conninfo = make_conninfo(all.connection);
  // It is to see what the others refuse.
  const client_options tolerant{
      .lease = std::chrono::ceil<std::chrono::milliseconds>(wanted.lease),
      .pooler = pooler_policy::session,
      .without_extension = missing_extension_policy::allow};
  server_facts facts;
  std::vector<finding> findings;
  try {
    facts = client{conninfo, tolerant}.facts();
    findings = check_facts(facts);
  } catch (const lock_error &error) {
    if (describe(error).exit_code == exit_unavailable &&
        error.sqlstate() != "25006") {
      throw;  // no server answers
    }
    findings.push_back(
        {level::fail, "locks", describe(error).message, error.hint()});
  }
  database db{conninfo};
  for (auto &finding : check_database(db, facts)) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

void print(const std::vector<finding> &findings) {
  for (const finding &f : findings) {
    (void)std::printf("%-4s  %-10s  %s\n", words.at(f.level).c_str(),
                      f.subject.c_str(), f.text.c_str());
    if (!f.advice.empty()) {
      (void)std::printf("%-4s  %-10s  -> %s\n", "", "", f.advice.c_str());
    }
  }
}

void print_json(const std::vector<finding> &findings) {
  auto list = nlohmann::ordered_json::array();
  for (const finding &f : findings) {
    list.push_back({{"level", words.at(f.level)},
                    {"subject", f.subject},
                    {"text", f.text},
                    {"advice", f.advice}});
  }
  std::cout << json_text(list, 2) << '\n';
}

}  // namespace

int execute(const doctor_options &wanted, const options &all) {
  const std::vector<finding> findings = examine(wanted, all);
  all.json ? print_json(findings) : print(findings);
  const auto worst = std::max_element(
      findings.begin(), findings.end(),
      [](const finding &a, const finding &b) { return a.level < b.level; });
  return static_cast<int>(worst->level);
}

}  // namespace pg_exclusive::cli
