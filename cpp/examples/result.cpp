// What result.hpp shows.
#include <iostream>
#include <pg_exclusive/client.hpp>

int main() {
  pg_exclusive::client locks;
  //! [result]
  const auto rows = locks.try_run_exclusive({"default", "example-result"}, [] {
    return 0;  // of rows: it ran, and there was nothing to do
  });
  if (rows) {
    std::cout << "copied " << *rows << " rows\n";
  } else if (rows.refused_by()) {
    std::cout << "busy: " << rows.refused_by()->to_string() << '\n';
  }
  //! [result]
  return rows ? 0 : 1;
}
