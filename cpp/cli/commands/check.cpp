// check: has a job succeeded lately? For monitoring systems, in one line.
#include <iostream>

#include "base/exit_codes.hpp"
#include "base/format_duration.hpp"
#include "base/json_text.hpp"
#include "base/text_table.hpp"
#include "commands/commands.hpp"
#include "db/database.hpp"

namespace pg_exclusive::cli {

namespace {

/// What the server knows of a job. Times are ages in seconds, on its clock.
struct job {
  bool recorded = false;
  std::optional<long long> success;  ///< since the last one began
  std::optional<long long> failure;
  std::optional<long long> running;
  std::optional<long long> crashed;
  std::optional<long long> period;
};

struct state {
  int exit_code;
  std::string text;
};

/// The age of the latest of these moments, in seconds.
std::string age_of(const std::string &column) {
  return "pg_catalog.floor(pg_catalog.date_part('epoch',"
         " pg_catalog.clock_timestamp() - pg_catalog.max(" +
         column + ")))::bigint, ";
}

/// The period is in the name of the slot that `run --once-per` uses, and is
/// there what was typed, also with --full-period. Other callers have the column
/// `every`.
job read_job(database &db, const lock_name &name) {
  const std::string which = " WHERE namespace = " + db.quote(name.namespace_) +
                            " AND key = " + db.quote(name.key);
  const rows found = db.ask(
      "SELECT count(*), " + age_of("last_success") + age_of("last_failure") +
      age_of("running_since") + age_of("crashed_since") +
      "coalesce((SELECT pg_catalog.max(pg_catalog.substring(slot,"
      " '^every ([0-9]+) s$')::bigint) FROM " +
      db.schema() + "lock_runs" + which +
      " AND kind = 'every'),"
      " pg_catalog.date_part('epoch', pg_catalog.max(every))::bigint) FROM " +
      db.schema() + "lock_jobs" + which);
  const auto age = [&](int column) -> std::optional<long long> {
    return found.is_null(0, column) ? std::nullopt
                                    : std::optional{found.number(0, column)};
  };
  return {found.number(0, 0) > 0, age(1), age(2), age(3), age(4), age(5)};
}

std::string ago(long long age) {
  return format_duration(std::chrono::seconds{age}) + " ago";
}

bool later(const std::optional<long long> &event,
           const std::optional<long long> &than) {
  return event && (!than || *event < *than);
}

state judge(const job &known,
            const std::optional<std::chrono::seconds> &asked) {
  const auto limit =
      asked ? std::optional<long long>{asked->count()} : known.period;
  if (!limit) {
    return {exit_unknown, "no period is known; use --max-age"};
  }
  std::string text = known.success ? "last success " + ago(*known.success)
                                   : std::string{"no success on record"};
  if (known.running) {
    text += ", running since " +
            format_duration(std::chrono::seconds{*known.running});
  }
  const bool failed = later(known.failure, known.success);
  const bool crashed = later(known.crashed, known.success);
  if (failed) {
    text += ", failed " + ago(*known.failure);
  }
  if (crashed) {
    text += ", a run that began " + ago(*known.crashed) + " never ended";
  }
  if (!known.success || *known.success > *limit) {
    return {exit_critical, text};
  }
  return {failed || crashed ? exit_warning : exit_ok, text};
}

const char *word_for(int exit_code) {
  switch (exit_code) {
    case exit_ok:
      return "OK";
    case exit_warning:
      return "WARNING";
    case exit_critical:
      return "CRITICAL";
    default:
      return "UNKNOWN";
  }
}

state examine(const check_options &wanted, const options &all) {
  try {
    database db{all.connection};
    return judge(read_job(db, wanted.name), wanted.max_age);
  } catch (const tool_error &error) {
    return {exit_unknown, error.message.substr(0, error.message.find('\n'))};
  }
}

}  // namespace

int execute(const check_options &wanted, const options &all) {
  const state found = examine(wanted, all);
  if (all.json) {
    std::cout << json_text({{"namespace", wanted.name.namespace_},
                            {"key", wanted.name.key},
                            {"state", word_for(found.exit_code)},
                            {"text", found.text}})
              << '\n';
  } else {
    std::cout << word_for(found.exit_code) << " - "
              << printable(wanted.name.to_string()) << ": "
              << printable(found.text) << '\n';
  }
  return found.exit_code;
}

}  // namespace pg_exclusive::cli
