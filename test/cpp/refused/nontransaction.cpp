// the lock would be free again at once
#include <pg_exclusive/pg_exclusive.hpp>

bool example(pqxx::connection &connection) {
  pqxx::nontransaction tx(connection);
  return pg_exclusive::try_lock(tx, {"jobs", "x"}).ran();
}
