// What shared_mutex.hpp shows.
#include <pg_exclusive/shared_mutex.hpp>
#include <shared_mutex>

int main() {
  int price = 0;
  int seen = 0;
  //! [shared_mutex]
  const pg_exclusive::client locks;
  pg_exclusive::shared_mutex prices{locks, {"default", "example-prices"}};
  {
    const std::unique_lock writer{prices};
    if (prices.held()) price = 7;
  }
  {
    const std::shared_lock reader{prices};
    if (prices.held()) seen = price;
  }
  //! [shared_mutex]
  return seen == 7 ? 0 : 1;
}
