#include "protocol/pq.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "pg_exclusive/detail/client_access.hpp"
#include "protocol/binary_format.hpp"

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

bool is_copy(ExecStatusType status) {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
         status == PGRES_COPY_BOTH;
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

result_ptr take_result(PGconn *connection) {
  result_ptr last;
  while (PGresult *next = PQgetResult(connection)) {
    if (is_copy(PQresultStatus(next))) {
      // libpq would give the same result again and again.
      return result_ptr(next);
    }
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
    if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE) {
      return wrong_shape();
    }
  }
  std::string text = trimmed(PQerrorMessage(connection));
  if (text.empty()) text = "the connection broke";
  return lock_error(text, "08006", name);
}

namespace {

// What can be read from a socket, without taking it: as much as there is.
std::string peek(int socket) {
  constexpr int most = 4 * 1024 * 1024;
  int size = 0;
  if (ioctl(socket, FIONREAD, &size) != 0 || size <= 0) return "";
  std::string bytes(static_cast<std::size_t>(std::min(size, most)), '\0');
  const ssize_t got =
      recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

// The fields of an error: a code, text, a zero byte.
last_words read_error(std::string_view fields) {
  last_words words;
  while (fields.size() > 1 && fields[0] != '\0') {
    const char code = fields[0];
    const std::string_view text = fields.substr(1, fields.find('\0', 1) - 1);
    if (code == 'C') words.sqlstate = text;
    if (code == 'M') words.message = text;
    fields.remove_prefix(std::min(fields.size(), text.size() + 2));
  }
  return words;
}

}  // namespace

// Each message has a type, a length that counts itself, and its fields.
last_words peek_last_words(int socket) {
  const std::string bytes = peek(socket);
  std::string_view left = bytes;
  while (left.size() > 5) {
    std::size_t length = 0;
    for (const char c : left.substr(1, 4)) {
      length = length << 8 | static_cast<unsigned char>(c);
    }
    if (length < 4) return {};
    if (left[0] == 'E') return read_error(left.substr(5, length - 4));
    if (left[0] != 'N' && left[0] != 'S' && left[0] != 'A') return {};
    left.remove_prefix(std::min(left.size(), length + 1));
  }
  return {};
}

lock_error wrong_shape() {
  return {"the server's answer has a wrong shape", "08P01", std::nullopt,
          "Something between us and the server may have changed it."};
}

std::string_view column(const PGresult *result, int row, int column) {
  if (row >= PQntuples(result) || column >= PQnfields(result)) {
    throw wrong_shape();
  }
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}

bool is_null(const PGresult *result, int row, int column) {
  if (row >= PQntuples(result) || column >= PQnfields(result)) {
    throw wrong_shape();
  }
  return PQgetisnull(result, row, column) != 0;
}

namespace {

const char *binary(const PGresult *result, int row, int number,
                   std::size_t size) {
  const std::string_view value = column(result, row, number);
  if (PQfformat(result, number) != 1 || value.size() != size) {
    throw wrong_shape();
  }
  return value.data();
}

}  // namespace

std::int64_t binary_int8(const PGresult *result, int row, int column) {
  return binary_format::read_int8(binary(result, row, column, 8));
}

bool binary_bool(const PGresult *result, int row, int column) {
  return *binary(result, row, column, 1) != 0;
}

bool text_bool(const PGresult *result, int row, int number) {
  const std::string_view value = column(result, row, number);
  if (value != "t" && value != "f") throw wrong_shape();
  return value == "t";
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
