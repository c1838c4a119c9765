// What mutex.hpp shows.
#include <iostream>
#include <mutex>
#include <pg_exclusive/mutex.hpp>

using namespace std::chrono_literals;

int main() {
  int sold = 0;
  //! [mutex]
  const pg_exclusive::client locks;
  pg_exclusive::mutex stock{locks, {"default", "example-stock"}};
  pg_exclusive::mutex orders{locks, {"default", "example-orders"}};
  {
    const std::scoped_lock both{stock, orders};
    if (stock.held() && orders.held()) ++sold;
  }
  if (const std::unique_lock guard{stock, 5s}) {
    std::cout << "token " << *stock.token() << '\n';
    ++sold;
  }
  //! [mutex]
  return sold == 2 ? 0 : 1;
}
