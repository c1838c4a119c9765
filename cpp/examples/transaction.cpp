// What transaction.hpp shows.
#include <exception>
#include <iostream>
#include <pg_exclusive/transaction.hpp>

namespace {

bool example() {
  //! [transaction]
  // On a connection of yours: lock and work commit together.
  pqxx::connection connection;
  const auto done = pg_exclusive::try_run_in_transaction(
      connection, {"default", "example-transfer"},
      [](pqxx::work &tx) { return tx.exec("SELECT 42")[0][0].as<int>(); });
  if (done) std::cout << "moved " << *done << '\n';

  // Inside a transaction of yours.
  pqxx::work tx(connection);
  if (pg_exclusive::try_lock(tx, {"default", "example-transfer"})) {
    tx.exec("SELECT 1");
    tx.commit();
  }

  // On a client, which has connections for that.
  pg_exclusive::client locks;
  const auto once = locks.try_run_once_in_transaction(
      {"default", "example-transfer"}, "payroll",
      [](pqxx::work &work) { work.exec("SELECT 1"); });
  //! [transaction]
  return done && *done == 42 && once;
}

}  // namespace

int main() {
  try {
    return example() ? 0 : 1;
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
