// status: who holds and who waits, once.
#include <iostream>

#include "base/exit_codes.hpp"
#include "base/format_time.hpp"
#include "base/json_text.hpp"
#include "base/text_table.hpp"
#include "commands/commands.hpp"
#include "db/connection.hpp"
#include "db/views.hpp"

namespace pg_exclusive::cli {

namespace {

using json = nlohmann::ordered_json;

json to_json(database &db, const status_options &wanted) {
  json object{
      {"holders", json::parse(read_json(db, "lock_holders", wanted.what))},
      {"waiters", json::parse(read_json(db, "lock_waiters", wanted.what))}};
  if (wanted.namespaces) {
    object["namespaces"] = json::parse(
        read_json(db, "lock_namespaces", {wanted.what.namespace_, ""}));
  }
  if (wanted.runs) {
    object["runs"] = json::parse(read_json(db, "lock_runs", wanted.what));
  }
  return object;
}

void print_locks(database &db, const selection &what) {
  const lock_snapshot locks = read_locks(db, what);
  text_table held{{"LOCK", "MODE", "HELD FOR", "WAITERS", "TOKEN", "PID",
                   "ROLE", "APPLICATION"}};
  text_table waiting{
      {"LOCK", "MODE", "WAITING", "PLACE", "PID", "ROLE", "APPLICATION"}};
  int holders = 0;
  int waiters = 0;
  for (const lock_row &row : locks.rows) {
    const auto time = format_duration(std::chrono::seconds{row.seconds});
    if (row.waiting) {
      waiting.add({row.lock, row.mode, time, std::to_string(row.number),
                   row.pid, row.who, row.application});
      ++waiters;
    } else {
      held.add({row.lock, row.mode, time, std::to_string(row.number), row.token,
                row.pid, row.who, row.application});
      ++holders;
    }
  }
  std::cout << (holders > 0 ? held.str() : "No lock is held.\n");
  if (waiters > 0) {
    std::cout << '\n' << waiting.str();
  }
}

/// A section of rows as the server gives them, under their column names.
void print_section(database &db, const std::string &title,
                   const std::string &sql) {
  const auto rows = db.ask(sql);
  std::vector<std::string> header;
  for (pqxx::row_size_type i = 0; i < rows.columns(); ++i) {
    header.emplace_back(rows.column_name(i));
  }
  text_table table{header};
  for (const auto &row : rows) {
    std::vector<std::string> texts;
    for (const auto &field : row) {
      texts.emplace_back(field.is_null() ? "" : field.c_str());
    }
    table.add(std::move(texts));
  }
  std::cout << '\n' << (rows.empty() ? "No " + title + ".\n" : table.str());
}

}  // namespace

int execute(const status_options &wanted, const options &all) {
  database db{all.connection};
  require_namespace(db, wanted.what);
  if (all.json) {
    std::cout << json_text(to_json(db, wanted), 2) << '\n';
    return exit_ok;
  }
  print_locks(db, wanted.what);
  if (wanted.namespaces) {
    print_section(
        db, "namespace is registered",
        "SELECT namespace AS \"NAMESPACE\", allowed_role AS \"ROLE\","
        " interop AS \"INTEROP\", max_holds AS \"MAX HOLDS\","
        " lock_delay AS \"DELAY\", paused_reason AS \"PAUSED\" FROM " +
            db.schema() + "lock_namespaces" +
            condition(db, {wanted.what.namespace_, ""}) + " ORDER BY 1");
  }
  if (wanted.runs) {
    print_section(
        db, "run is recorded",
        "SELECT namespace || '/' || coalesce(key, '?') AS \"LOCK\","
        " slot AS \"SLOT\", state AS \"STATE\", attempts AS \"ATTEMPTS\","
        " started_at::timestamptz(0) AS \"STARTED\","
        " finished_at::timestamptz(0) AS \"FINISHED\", role AS \"ROLE\" FROM " +
            db.schema() + "lock_runs" + condition(db, wanted.what) +
            " ORDER BY started_at DESC");
  }
  return exit_ok;
}

}  // namespace pg_exclusive::cli
