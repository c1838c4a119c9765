#include "protocol/pq.hpp"

#include <sys/socket.h>

#include <array>
#include <cctype>
#include <cstring>

#include "pg_exclusive/detail/client_access.hpp"

namespace pg_exclusive::pq {

std::string trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.pop_back();
  return text;
}

namespace {

std::string field(const PGresult *result, int code) {
  const char *text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

}  // namespace

result_ptr exec(PGconn *connection, const std::string &sql,
                const std::vector<std::string> &parameters) {
  std::vector<const char *> values;
  values.reserve(parameters.size());
  for (const auto &parameter : parameters) values.push_back(parameter.c_str());
  result_ptr result(PQexecParams(connection, sql.c_str(),
                                 static_cast<int>(values.size()), nullptr,
                                 values.data(), nullptr, nullptr, 0));
  if (auto error = error_of(connection, result.get())) throw lock_error(*error);
  return result;
}

void prepare(PGconn *connection, const char *name, const std::string &sql,
             const std::vector<Oid> &types) {
  const result_ptr result(PQprepare(connection, name, sql.c_str(),
                                    static_cast<int>(types.size()),
                                    types.data()));
  if (auto error = error_of(connection, result.get())) throw lock_error(*error);
}

result_ptr take_result(PGconn *connection) {
  result_ptr last;
  while (PGresult *next = PQgetResult(connection)) {
    // An error, once there, is what it was.
    if (!last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) {
      last.reset(next);
    } else {
      PQclear(next);
    }
  }
  return last;
}

std::optional<lock_error> error_of(PGconn *connection, const PGresult *result,
                                   const std::optional<lock_name> &name) {
  if (result != nullptr) {
    const auto status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      return std::nullopt;
    }
    std::string state = field(result, PG_DIAG_SQLSTATE);
    if (!state.empty()) {
      std::string text = field(result, PG_DIAG_MESSAGE_PRIMARY);
      const std::string detail = field(result, PG_DIAG_MESSAGE_DETAIL);
      if (!detail.empty()) text += " (" + detail + ")";
      return lock_error(text, state, name, field(result, PG_DIAG_MESSAGE_HINT));
    }
  }
  std::string text = trimmed(PQerrorMessage(connection));
  if (text.empty()) text = "the connection broke";
  return lock_error(text, "08006", name);
}

last_words peek_last_words(int socket) {
  std::array<char, 2048> bytes{};
  const ssize_t size =
      recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size < 6 || bytes[0] != 'E') return {};
  last_words words;
  // Type, length, then fields: a code, text, a zero byte.
  for (ssize_t at = 5; at < size && bytes[at] != '\0';) {
    const char code = bytes[at];
    const char *start = bytes.data() + at + 1;
    const std::string text(start, strnlen(start, size - at - 1));
    if (code == 'C') words.sqlstate = text;
    if (code == 'M') words.message = text;
    at += static_cast<ssize_t>(text.size()) + 2;
  }
  return words;
}

std::string_view column(const PGresult *result, int row, int column) {
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}

bool is_null(const PGresult *result, int row, int column) {
  return PQgetisnull(result, row, column) != 0;
}

}  // namespace pg_exclusive::pq

namespace pg_exclusive::detail {

lock_error server_error(std::string_view text, std::string sqlstate,
                        const lock_name &name) {
  std::string message(text);
  std::string hint;
  const auto hint_at = message.find("\nHINT:");
  if (hint_at != std::string::npos) {
    hint = message.substr(message.find_first_not_of(' ', hint_at + 6));
    message.erase(hint_at);
  }
  message.erase(std::min(message.find('\n'), message.size()));
  const auto severity = message.find(":  ");
  if (severity != std::string::npos) message.erase(0, severity + 3);
  hint.erase(std::min(hint.find('\n'), hint.size()));
  return {message, std::move(sqlstate), name, hint};
}

lock_error missing_extension(std::optional<lock_name> name) {
  return {"extension \"pg_exclusive\" is not installed in this database",
          "0A000", std::move(name), "Run: CREATE EXTENSION pg_exclusive;"};
}

}  // namespace pg_exclusive::detail
