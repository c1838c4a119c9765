#include "nodes/session.hpp"

#include <poll.h>

#include <cerrno>
#include <cstdlib>

namespace harness {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kDecimal = 10;

struct Clear {
  void operator()(PGresult *result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

Answer to_answer(const PGresult *result) {
  Answer answer;
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    answer.kind = Answer::Kind::kError;
    answer.sqlstate = sqlstate == nullptr ? "" : sqlstate;
    answer.message = PQresultErrorMessage(result);
    return answer;
  }
  answer.kind = Answer::Kind::kOk;
  for (int row = 0; row < PQntuples(result); ++row) {
    auto &values = answer.rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      values.push_back(
          PQgetisnull(result, row, column) != 0
              ? std::nullopt
              : std::optional<std::string>(PQgetvalue(result, row, column)));
    }
  }
  return answer;
}

}  // namespace

bool Answer::yes() const { return ok() && !rows.empty() && rows[0][0] == "t"; }

std::int64_t Answer::number() const {
  return ok() && !rows.empty() && rows[0][0]
             ? std::strtoll(rows[0][0]->c_str(), nullptr, kDecimal)
             : 0;
}

Session::Session(const std::string &conninfo)
    : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    connection_.reset();
    return;
  }
  PQsetNoticeProcessor(
      connection_.get(), [](void *, const char *) {}, nullptr);
  PQsetnonblocking(connection_.get(), 1);
}

bool Session::connected() const {
  return connection_ && PQstatus(connection_.get()) == CONNECTION_OK;
}

int Session::backend_pid() const {
  return connection_ ? PQbackendPID(connection_.get()) : 0;
}

// Waits for the socket; false at the deadline.
bool Session::wait(short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    if (left.count() < 0) {
      return false;
    }
    pollfd fd{PQsocket(connection_.get()), events, 0};
    const int ready = poll(&fd, 1, static_cast<int>(left.count()) + 1);
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
}

Answer Session::collect(Clock::time_point deadline) {
  PGconn *connection = connection_.get();
  Answer answer;
  while (true) {
    const int unsent = PQflush(connection);
    if (unsent < 0) {
      return {};
    }
    if (unsent == 0 && PQisBusy(connection) == 0) {
      const Result result(PQgetResult(connection));
      if (!result) {
        return answer;
      }
      if (Answer next = to_answer(result.get());
          answer.kind != Answer::Kind::kError) {
        answer = std::move(next);
      }
      continue;
    }
    const short events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
    if (!wait(events, deadline) || PQconsumeInput(connection) == 0) {
      return {};
    }
  }
}

Answer Session::exec(const std::string &sql, const Parameters &parameters,
                     std::chrono::milliseconds patience) {
  if (!connected()) {
    return {};
  }
  std::vector<const char *> values;
  values.reserve(parameters.size());
  for (const std::optional<std::string> &parameter : parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  Answer answer;
  if (PQsendQueryParams(connection_.get(), sql.c_str(),
                        static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, 0) != 0) {
    answer = collect(Clock::now() + patience);
  }
  // An error that ended the session says nothing certain about the statement.
  if (answer.lost() || !connected()) {
    const std::string sqlstate = answer.sqlstate;
    answer = {};
    answer.sqlstate = sqlstate;
    close();
  }
  return answer;
}

bool Session::rest(std::chrono::milliseconds duration) {
  const auto deadline = Clock::now() + duration;
  while (connected() && wait(POLLIN | POLLRDHUP, deadline)) {
    if (PQconsumeInput(connection_.get()) == 0 || !connected()) {
      close();
      return false;
    }
    // The server says something while we are idle: only ever that it ends us.
    PQisBusy(connection_.get());
  }
  return connected();
}

}  // namespace harness
