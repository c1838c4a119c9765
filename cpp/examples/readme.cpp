// What README.md shows, compiled and run.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <optional>
#include <pg_exclusive/pg_exclusive.hpp>
#include <pqxx/pqxx>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

int closed = 0;

void close(const std::string &book, std::optional<std::int64_t> token) {
  std::cout << book << " closed with token " << token.value_or(0) << '\n';
  ++closed;
}

void report(const std::optional<pg_exclusive::holder_info> &holder) {
  std::cout << "busy: " << (holder ? holder->to_string() : "somebody") << '\n';
}

void close_books(const std::vector<std::string> &books) {
  pg_exclusive::client locks{""};  // a connection string; "" as psql does it
  const auto run = locks.try_run_exclusive(
      {"jobs", "nightly-close"}, [&](const pg_exclusive::hold &h) {
        for (const auto &book : books) {
          h.check();  // throws lock_lost when it is lost
          close(book, h.token());
        }
      });
  if (!run) report(run.refused_by());

  pg_exclusive::mutex nightly{locks, {"jobs", "nightly-close"}};
  if (const std::unique_lock guard{nightly, 5s})
    close("returns", nightly.token());
}

}  // namespace

int main() {
  pqxx::connection connection;
  pqxx::work tx(connection);
  tx.exec("SELECT lock_namespace('jobs')");
  tx.commit();
  close_books({"sales", "stock"});
  return closed == 3 ? 0 : 1;
}
