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

lock_row read_row(const rows &from, int row) {
  const auto text = [&](int column) {
    return printable(from.text(row, column));
  };
  lock_row result;
  result.lock = text(0);
  result.mode = text(1);
  result.seconds = from.number(row, 2);
  result.token = text(3);
  result.who = text(4);
  result.pid = text(5);
  result.application = text(6);
  result.number = static_cast<int>(from.number(row, 7));
  result.waiting = text(8) == "t";
  return result;
}

/// A statement that finds the namespace; asked before the others.
std::string find_namespace(database &db, const selection &what) {
  return "SELECT FROM " + db.schema() + "lock_namespaces" +
         condition(db, {what.namespace_, ""}) + ";";
}

void require_namespace(database &db, const selection &what, const rows &found) {
  if (what.namespace_.empty() || found.size() > 0) {
    return;
  }
  throw tool_error{"lock namespace \"" + what.namespace_ + "\" does not exist",
                   "Register it first: SELECT " + db.schema() +
                       "lock_namespace(" + db.quote(what.namespace_) + ");",
                   exit_config};
}

/// Ids and tokens exceed 2^53, up to which a double is exact.
void quote_large_numbers(nlohmann::ordered_json &object) {
  for (const char *name : {"lock_id", "namespace_id", "token"}) {
    const auto member = object.find(name);
    if (member != object.end() && member->is_number()) {
      *member = member->dump();
    }
  }
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

lock_snapshot read_locks(database &db, const selection &what) {
  const std::string where = condition(db, what);
  std::string sql = find_namespace(db, what) + holders;
  sql.append(" FROM ").append(db.schema()).append("lock_holders");
  sql.append(where).append(" UNION ALL ").append(waiters);
  sql.append(" FROM ").append(db.schema()).append("lock_waiters");
  sql.append(where).append(" ORDER BY 1, 9, 8;");
  sql.append(
      "SELECT pg_catalog.to_char(pg_catalog.clock_timestamp(),"
      " 'YYYY-MM-DD HH24:MI:SS'), session_user || '@' ||"
      " coalesce(pg_catalog.host(pg_catalog.inet_server_addr()),"
      " 'local') || '/' || pg_catalog.current_database()");
  const auto answers = db.ask_all(sql);
  require_namespace(db, what, answers.at(0));

  lock_snapshot result;
  for (int row = 0; row < answers.at(1).size(); ++row) {
    result.rows.push_back(read_row(answers.at(1), row));
  }
  result.time = printable(answers.at(2).text(0, 0));
  result.database = printable(answers.at(2).text(0, 1));
  return result;
}

nlohmann::ordered_json read_json(database &db, const selection &what,
                                 const std::vector<json_view> &views) {
  std::string sql = find_namespace(db, what);
  for (const json_view &view : views) {
    sql +=
        "SELECT coalesce(pg_catalog.json_agg(pg_catalog.to_json(v)), '[]')"
        " FROM (SELECT * FROM " +
        db.schema() + view.view + condition(db, view.what) + ") v;";
  }
  const auto answers = db.ask_all(sql);
  require_namespace(db, what, answers.at(0));

  auto result = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < views.size(); ++i) {
    auto list = nlohmann::ordered_json::parse(answers.at(i + 1).text(0, 0));
    for (auto &object : list) {
      quote_large_numbers(object);
    }
    result[views[i].member] = std::move(list);
  }
  return result;
}

}  // namespace pg_exclusive::cli
