// status: who holds and who waits, once.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/exit_codes.hpp"
#include "base/format_duration.hpp"
#include "base/json_text.hpp"
#include "base/text_table.hpp"
#include "commands/commands.hpp"
#include "db/database.hpp"
#include "db/views.hpp"

namespace pg_exclusive::cli {

namespace {

nlohmann::ordered_json to_json(database &db, const status_options &wanted) {
  std::vector<json_view> views{{"holders", "lock_holders", wanted.what},
                               {"waiters", "lock_waiters", wanted.what}};
  if (wanted.namespaces) {
    views.push_back(
        {"namespaces", "lock_namespaces", {wanted.what.namespace_, ""}});
  }
  if (wanted.runs) {
    views.push_back({"runs", "lock_runs", wanted.what});
    views.push_back({"jobs", "lock_jobs", wanted.what});
  }
  return read_json(db, wanted.what, views);
}

/// Columns of the terminal, else of $COLUMNS, else 80.
int output_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  const char *columns = std::getenv("COLUMNS");
  const int width = columns != nullptr ? std::atoi(columns) : 0;
  return width > 0 ? width : 80;
}

/// The columns of `rows`, made to fit. A lock's name is cut on a terminal only,
/// where no program reads it.
text_table make_table(const std::vector<std::vector<std::string>> &rows,
                      std::size_t who, std::size_t application) {
  text_table table{rows.front()};
  for (std::size_t i = 1; i < rows.size(); ++i) {
    table.add(rows[i]);
  }
  std::vector<std::size_t> may_be_cut{who, application};
  if (isatty(STDOUT_FILENO) != 0) {
    may_be_cut.push_back(0);
  }
  table.fit(output_width(), may_be_cut);
  return table;
}

void print_locks(database &db, const selection &what) {
  const lock_snapshot locks = read_locks(db, what);
  // With the token, a line has more than 80 columns.
  const bool token = output_width() >= 100;
  std::vector<std::vector<std::string>> held{
      {"LOCK", "MODE", "HELD FOR", "WAITERS", "PID", "ROLE", "APPLICATION"}};
  std::vector<std::vector<std::string>> waiting{
      {"LOCK", "MODE", "WAITING", "PLACE", "PID", "ROLE", "APPLICATION"}};
  if (token) {
    held[0].insert(held[0].begin() + 4, "TOKEN");
  }
  for (const lock_row &row : locks.rows) {
    auto &table = row.waiting ? waiting : held;
    table.push_back(
        {row.lock, row.mode, format_duration(std::chrono::seconds{row.seconds}),
         std::to_string(row.number), row.pid, row.who, row.application});
    if (token && !row.waiting) {
      table.back().insert(table.back().begin() + 4, row.token);
    }
  }
  const std::size_t who = token ? 6 : 5;
  std::cout << (held.size() > 1 ? make_table(held, who, who + 1).str()
                                : "No lock is held.\n");
  if (waiting.size() > 1) {
    std::cout << '\n' << make_table(waiting, 5, 6).str();
  }
}

/// A section of rows as the server gives them, under their column names.
void print_section(database &db, const std::string &title,
                   const std::string &sql) {
  const rows found = db.ask(sql);
  std::vector<std::string> header;
  for (int column = 0; column < found.columns(); ++column) {
    header.push_back(found.name(column));
  }
  text_table table{header};
  for (int row = 0; row < found.size(); ++row) {
    std::vector<std::string> texts;
    for (int column = 0; column < found.columns(); ++column) {
      texts.push_back(found.text(row, column));
    }
    table.add(std::move(texts));
  }
  if (isatty(STDOUT_FILENO) != 0) {
    table.fit(output_width(), {0, 1});
  }
  std::cout << '\n'
            << (found.size() == 0 ? "No " + title + ".\n" : table.str());
}

/// A moment in the time zone of the session, short enough for three a line.
std::string moment(const std::string &column) {
  return "pg_catalog.to_char(" + column + ", 'MM-DD HH24:MI:SS')";
}

void print_runs(database &db, const selection &what) {
  const std::string lock = "namespace || '/' || coalesce(key, '?')";
  print_section(db, "job is recorded",
                "SELECT " + lock + " AS \"JOB\", " + moment("last_success") +
                    " AS \"LAST SUCCESS\", " + moment("last_failure") +
                    " AS \"LAST FAILURE\", " + moment("running_since") +
                    " AS \"RUNNING SINCE\", pg_catalog.date_trunc('minute',"
                    " CASE WHEN every IS NOT NULL THEN overdue_by END) AS "
                    "\"OVERDUE\" FROM " +
                    db.schema() + "lock_jobs" + condition(db, what) +
                    " ORDER BY 1");
  print_section(db, "run is recorded",
                "SELECT " + lock +
                    " AS \"LOCK\", slot AS \"SLOT\", state AS \"STATE\","
                    " attempts AS \"TRIES\", " +
                    moment("started_at") + " AS \"STARTED\", " +
                    moment("finished_at") + " AS \"FINISHED\" FROM " +
                    db.schema() + "lock_runs" + condition(db, what) +
                    " ORDER BY started_at DESC");
}

}  // namespace

int execute(const status_options &wanted, const options &all) {
  database db{all.connection};
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
    print_runs(db, wanted.what);
  }
  return exit_ok;
}

}  // namespace pg_exclusive::cli
