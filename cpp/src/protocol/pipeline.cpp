#include "protocol/pipeline.hpp"

namespace pg_exclusive::pq {

pipeline::pipeline(PGconn *connection) : connection_(connection) {
  check(PQenterPipelineMode(connection_) == 1);
}

void pipeline::check(bool sent) const {
  if (sent) return;
  throw lock_error(*error_of(connection_, nullptr));
}

void pipeline::query(const std::string &sql,
                     const std::vector<std::string> &parameters) {
  std::vector<const char *> values;
  values.reserve(parameters.size());
  for (const auto &parameter : parameters) values.push_back(parameter.c_str());
  check(PQsendQueryParams(connection_, sql.c_str(),
                          static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, 0) == 1);
  ++size_;
}

void pipeline::prepare(const char *name, const std::string &sql,
                       const std::vector<Oid> &types) {
  check(PQsendPrepare(connection_, name, sql.c_str(),
                      static_cast<int>(types.size()), types.data()) == 1);
  ++size_;
}

std::vector<result_ptr> pipeline::run() {
  check(PQpipelineSync(connection_) == 1);
  std::vector<result_ptr> results;
  std::optional<lock_error> error;
  for (std::size_t i = 0; i < size_; ++i) {
    results.push_back(take_result(connection_));
    const PGresult *result = results.back().get();
    if (!error) error = error_of(connection_, result);
    if (PQstatus(connection_) != CONNECTION_OK) break;
  }
  if (error) throw lock_error(*error);
  const result_ptr end(PQgetResult(connection_));
  check(PQresultStatus(end.get()) == PGRES_PIPELINE_SYNC &&
        PQexitPipelineMode(connection_) == 1);
  return results;
}

}  // namespace pg_exclusive::pq
