// try_run_in_transaction() needs #include <pg_exclusive/transaction.hpp>
#include <pg_exclusive/client.hpp>

void example(pg_exclusive::client &locks) {
  locks.try_run_in_transaction({"jobs", "x"},
                               [](auto &tx) { tx.exec("SELECT 1"); });
}
