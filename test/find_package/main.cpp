// A user's program: takes a lock, works under it, in the database and outside.
#include <iostream>
#include <pg_exclusive/pg_exclusive.hpp>

int main() {
  pg_exclusive::client locks;
  const pg_exclusive::lock_name name{"default", "find-package"};
  const auto outside = locks.try_run_exclusive(name, [] { return 1; });
  const auto inside = locks.try_run_in_transaction(
      name, [](pqxx::work &tx) { return tx.exec("SELECT 2").size(); });
  std::cout << pg_exclusive::library_version() << '\n';
  const bool same = pg_exclusive::library_version() == PG_EXCLUSIVE_VERSION;
  return outside && inside && same ? 0 : 1;
}
