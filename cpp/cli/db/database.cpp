#include "db/database.hpp"

#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "db/conninfo.hpp"
#include "pg_exclusive/clock.hpp"
#include "protocol/connect.hpp"

namespace pg_exclusive::cli {

namespace {

/// Where neither the connection string nor the environment says
/// connect_timeout.
constexpr std::chrono::milliseconds default_patience{5000};

pq::connection_ptr connect(const std::string &conninfo,
                           std::chrono::milliseconds &timeout) {
  try {
    return pq::first_that_works(
        conninfo, default_patience, [&](const pq::attempt &now) {
          timeout = now.timeout;
          return pq::connect(conninfo, {}, now, [](int) {});
        });
  } catch (const lock_error &error) {
    throw describe(error);
  }
}

}  // namespace

std::string rows::text(int row, int column) const {
  return valid_utf8(std::string{pq::column(result_.get(), row, column)});
}

long long rows::number(int row, int column) const {
  return std::strtoll(PQgetvalue(result_.get(), row, column), nullptr, 10);
}

database::database(const connection_options &from)
    : database{make_conninfo(from)} {}

database::database(const std::string &conninfo)
    : connection_{connect(conninfo, patience_)} {}

/// Returns when a result can be read without waiting.
void database::wait_for_answer() {
  const auto deadline = boot_clock::now() + patience_;
  while (PQisBusy(connection_.get()) != 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - boot_clock::now());
    if (left.count() <= 0) {
      throw tool_error{"the server did not answer within " +
                           std::to_string(patience_.count() / 1000) + " s",
                       "connect_timeout in the connection string, or "
                       "PGCONNECT_TIMEOUT, sets this time.",
                       exit_unavailable};
    }
    const int pending = PQflush(connection_.get());
    pollfd ready{PQsocket(connection_.get()),
                 static_cast<short>(pending > 0 ? POLLIN | POLLOUT : POLLIN),
                 0};
    if (poll(&ready, 1, static_cast<int>(left.count())) > 0 &&
        (ready.revents & ~POLLOUT) != 0) {
      PQconsumeInput(connection_.get());  // an error shows in the result
    }
  }
}

std::vector<rows> database::ask_all(const std::string &statements) {
  PQsetnonblocking(connection_.get(), 1);
  if (PQsendQuery(connection_.get(), statements.c_str()) == 0) {
    throw describe(*pq::error_of(connection_.get(), nullptr));
  }
  std::vector<rows> answers;
  std::optional<lock_error> failure;
  for (;;) {
    wait_for_answer();
    pq::result_ptr result{PQgetResult(connection_.get())};
    if (!result) {
      break;
    }
    if (!failure) {
      failure = pq::error_of(connection_.get(), result.get());
    }
    answers.emplace_back(std::move(result));
  }
  if (failure) {
    throw describe(*failure);
  }
  return answers;
}

rows database::ask(const std::string &statement) {
  return std::move(ask_all(statement).back());
}

const std::string &database::schema() {
  if (schema_.empty()) {
    const rows found =
        ask("SELECT pg_catalog.quote_ident(n.nspname)"
            " FROM pg_catalog.pg_extension e"
            " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
            " WHERE e.extname = 'pg_exclusive'");
    if (found.size() == 0) {
      throw tool_error{"the database does not have the extension pg_exclusive",
                       "CREATE EXTENSION pg_exclusive;", exit_config};
    }
    schema_ = found.text(0, 0) + ".";
  }
  return schema_;
}

std::string database::quote(const std::string &text) {
  const std::unique_ptr<char, void (*)(void *)> literal{
      PQescapeLiteral(connection_.get(), text.c_str(), text.size()), PQfreemem};
  if (!literal) {
    throw describe(*pq::error_of(connection_.get(), nullptr));
  }
  return literal.get();
}

}  // namespace pg_exclusive::cli
