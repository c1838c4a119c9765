#include "peers/postgres.hpp"

#include <stdexcept>

namespace bench {

postgres::postgres() : connection_(PQconnectdb("")) {
  if (PQstatus(get()) != CONNECTION_OK) {
    throw std::runtime_error(PQerrorMessage(get()));
  }
  PQsetNoticeProcessor(
      get(), [](void *, const char *) {}, nullptr);
}

std::string postgres::take(PGresult *result) {
  const std::unique_ptr<PGresult, void (*)(PGresult *)> owner(result, PQclear);
  const auto status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(PQerrorMessage(get()));
  }
  if (PQntuples(result) == 0 || PQnfields(result) == 0) return "";
  return PQgetvalue(result, 0, 0);
}

void postgres::prepare(const std::string &name, const std::string &statement) {
  take(PQprepare(get(), name.c_str(), statement.c_str(), 0, nullptr));
}

std::string postgres::run(const std::string &name,
                          const std::vector<const char *> &parameters) {
  return take(PQexecPrepared(get(), name.c_str(),
                             static_cast<int>(parameters.size()),
                             parameters.data(), nullptr, nullptr, 0));
}

void postgres::must(const std::string &name,
                    const std::vector<const char *> &parameters) {
  const std::string answer = run(name, parameters);
  if (answer != "t") {
    throw std::runtime_error(name + " returned \"" + answer + "\"");
  }
}

std::string postgres::exec(const std::string &statement) {
  return take(PQexec(get(), statement.c_str()));
}

}  // namespace bench
