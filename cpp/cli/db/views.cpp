#include "db/views.hpp"

#include "base/exit_codes.hpp"
#include "base/text_table.hpp"

namespace pg_exclusive::cli {

namespace {

// Ages are the server's, so that the clocks of two machines do not meet.
constexpr auto holders =
    "SELECT namespace || '/' || coalesce(key, '?'), mode,"
    " pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() -"
    " acquired_at)::bigint, token,"
    " role || coalesce('@' || pg_catalog.host(client_addr), ''),"
    " pid, application_name, waiters, false";
constexpr auto waiters =
    "SELECT namespace || '/' || coalesce(key, '?'), mode,"
    " pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() -"
    " waiting_since)::bigint, NULL,"
    " role || coalesce('@' || pg_catalog.host(client_addr), ''),"
    " pid, application_name, queue_position, true";

template <typename Field>
std::string text_of(const Field &field) {
  return field.is_null() ? "" : printable(field.c_str());
}

template <typename Row>
lock_row read_row(const Row &row) {
  lock_row result;
  result.lock = text_of(row[0]);
  result.mode = text_of(row[1]);
  result.seconds = row[2].template as<long long>(0);
  result.token = text_of(row[3]);
  result.who = text_of(row[4]);
  result.pid = text_of(row[5]);
  result.application = text_of(row[6]);
  result.number = row[7].template as<int>(0);
  result.waiting = *row[8].c_str() == 't';
  return result;
}

}  // namespace

std::string condition(database &db, const selection &what) {
  std::string result;
  if (!what.namespace_.empty()) {
    result += " WHERE namespace = " + db.quote(what.namespace_);
  }
  if (!what.key.empty()) {
    result += (result.empty() ? " WHERE" : " AND");
    result += " key = " + db.quote(what.key);
  }
  return result;
}

void require_namespace(database &db, const selection &what) {
  if (what.namespace_.empty()) {
    return;
  }
  const std::string name = db.quote(what.namespace_);
  if (db.ask("SELECT FROM " + db.schema() + "lock_namespaces" +
             condition(db, {what.namespace_, ""}))
          .empty()) {
    throw tool_error{
        "lock namespace \"" + what.namespace_ + "\" does not exist",
        "Register it first: SELECT " + db.schema() + "lock_namespace(" + name +
            ");",
        exit_config};
  }
}

lock_snapshot read_locks(database &db, const selection &what) {
  const std::string where = condition(db, what);
  lock_snapshot result;
  std::string sql = holders;
  sql.append(" FROM ").append(db.schema()).append("lock_holders");
  sql.append(where).append(" UNION ALL ").append(waiters);
  sql.append(" FROM ").append(db.schema()).append("lock_waiters");
  sql.append(where).append(" ORDER BY 1, 9, 8");
  for (const auto &row : db.ask(sql)) {
    result.rows.push_back(read_row(row));
  }
  const auto about = db.ask(
      "SELECT pg_catalog.to_char(pg_catalog.clock_timestamp(),"
      " 'YYYY-MM-DD HH24:MI:SS'), session_user || '@' ||"
      " coalesce(pg_catalog.host(pg_catalog.inet_server_addr()),"
      " 'local') || '/' || pg_catalog.current_database()");
  result.time = text_of(about[0][0]);
  result.database = text_of(about[0][1]);
  return result;
}

std::string read_json(database &db, const std::string &view,
                      const selection &what) {
  return db
      .ask(
          "SELECT coalesce(pg_catalog.json_agg("
          "pg_catalog.to_json(v)), '[]') FROM (SELECT * FROM " +
          db.schema() + view + condition(db, what) + ") v")[0][0]
      .c_str();
}

}  // namespace pg_exclusive::cli
