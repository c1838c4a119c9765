// the work is called as f(pqxx::work &)
#include <pg_exclusive/pg_exclusive.hpp>

bool example(pqxx::connection &connection) {
  const auto run = pg_exclusive::try_run_in_transaction(
      connection, {"jobs", "x"}, [](pg_exclusive::hold & /*held*/) {});
  return run.ran();
}
