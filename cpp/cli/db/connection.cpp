#include "db/connection.hpp"

#include <libpq-fe.h>

#include <cstring>
#include <map>
#include <memory>

#include "base/exit_codes.hpp"
#include "db/password.hpp"

namespace pg_exclusive::cli {

namespace {

bool is_conninfo(const std::string &dbname) {
  return dbname.find('=') != std::string::npos ||
         dbname.rfind("postgres://", 0) == 0 ||
         dbname.rfind("postgresql://", 0) == 0;
}

using keywords = std::map<std::string, std::string>;

keywords parse_conninfo(const std::string &text) {
  char *message = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption *)> parsed{
      PQconninfoParse(text.c_str(), &message), PQconninfoFree};
  if (!parsed) {
    const std::string why = message != nullptr ? message : "out of memory";
    PQfreemem(message);
    throw lock_error{why, "08001"};
  }
  keywords result;
  for (const auto *option = parsed.get(); option->keyword != nullptr;
       ++option) {
    if (option->val != nullptr) {
      result[option->keyword] = option->val;
    }
  }
  return result;
}

std::string quoted(const std::string &value) {
  std::string result = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result + "'";
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

/// The line of a server's message that begins so; empty if there is none.
std::string line_after(const std::string &text, const std::string &begin) {
  const auto at = text.find(begin);
  return at == std::string::npos
             ? ""
             : trimmed(text.substr(at + begin.size(),
                                   text.find('\n', at) - at - begin.size()));
}

tool_error describe(const pqxx::sql_error &error) {
  const std::string text = error.what();
  std::string message = line_after(text, "ERROR:  ");
  const std::string detail = line_after(text, "\nDETAIL:  ");
  if (!detail.empty()) {
    message += " (" + detail + ")";
  }
  // libpqxx 8 returns a string_view here, 6 and 7 a string.
  const std::string_view state = error.sqlstate();
  return {message.empty() ? trimmed(text) : message,
          line_after(text, "\nHINT:  "), exit_code_of(std::string{state})};
}

constexpr auto old_extension =
    "The extension in the database is older than this tool: ALTER EXTENSION "
    "pg_exclusive UPDATE;";

}  // namespace

std::string make_conninfo(const connection_options &from) {
  keywords all;
  if (is_conninfo(from.dbname)) {
    all = parse_conninfo(from.dbname);
  } else if (!from.dbname.empty()) {
    all["dbname"] = from.dbname;
  }
  for (const auto &[keyword, value] :
       {std::pair{"host", from.host}, std::pair{"port", from.port},
        std::pair{"user", from.user}}) {
    if (!value.empty()) {
      all[keyword] = value;
    }
  }
  if (from.ask_password) {
    all["password"] = ask_password();
  }
  all.emplace("fallback_application_name", "pg_exclusive");
  all["client_encoding"] = "UTF8";  // as names are, whatever PGCLIENTENCODING

  std::string result;
  for (const auto &[keyword, value] : all) {
    result += (result.empty() ? "" : " ") + keyword + "=" + quoted(value);
  }
  return result;
}

void hide_passwords(int argc, char **argv) {
  for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    const std::string argument = argv[i];
    if (argument.find("password") != std::string::npos ||
        argument.find("postgres://") != std::string::npos ||
        argument.find("postgresql://") != std::string::npos) {
      std::memset(argv[i], '*', argument.size());
    }
  }
}

int exit_code_of(const std::string &sqlstate) {
  const std::string type = sqlstate.substr(0, 2);
  if (sqlstate == "08P01") {
    return exit_config;  // a pooler in between
  }
  if (type == "08" || type == "28" || type == "57" || sqlstate == "3D000" ||
      sqlstate == "53300" || sqlstate == "53200" || sqlstate == "25006") {
    return exit_unavailable;
  }
  if (sqlstate == "42602" || sqlstate == "42622" || sqlstate == "22007" ||
      sqlstate == "22021" || sqlstate == "22023") {
    return exit_usage;
  }
  if (sqlstate == "55000" || sqlstate == "53400") {
    return exit_busy;  // the namespace is paused, or its quota used up
  }
  return exit_config;
}

tool_error describe(const lock_error &error) {
  const bool no_function = error.sqlstate() == "42883";
  return {trimmed(error.what()),
          no_function ? std::string{old_extension} : error.hint(),
          exit_code_of(error.sqlstate())};
}

database::database(const connection_options &from) try
    : connection_{make_conninfo(from)} {
  const auto found =
      ask("SELECT pg_catalog.quote_ident(n.nspname)"
          " FROM pg_catalog.pg_extension e"
          " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
          " WHERE e.extname = 'pg_exclusive'");
  if (found.empty()) {
    throw tool_error{"the database does not have the extension pg_exclusive",
                     "CREATE EXTENSION pg_exclusive;", exit_config};
  }
  schema_ = std::string{found[0][0].c_str()} + ".";
} catch (const pqxx::broken_connection &error) {
  throw tool_error{trimmed(error.what()), "", exit_unavailable};
} catch (const lock_error &error) {
  throw cli::describe(error);
}

pqxx::result database::ask(const std::string &sql) {
  try {
    pqxx::nontransaction work{connection_};
    return work.exec(sql);
  } catch (const pqxx::broken_connection &error) {
    throw tool_error{trimmed(error.what()), "", exit_unavailable};
  } catch (const pqxx::sql_error &error) {
    throw describe(error);
  }
}

std::string database::quote(const std::string &text) {
  return connection_.quote(text);
}

}  // namespace pg_exclusive::cli
