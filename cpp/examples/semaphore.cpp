// What semaphore.hpp shows.
#include <iostream>
#include <pg_exclusive/semaphore.hpp>

using namespace std::chrono_literals;

int main() {
  int downloads = 0;
  //! [semaphore]
  const pg_exclusive::client locks;
  pg_exclusive::semaphore slots{locks, {"default", "example-slots"}, 3};
  if (const auto permit = slots.acquire({.wait = 5s})) {
    (*permit).check();
    std::cout << "one of " << slots.permits() << " downloads\n";
    ++downloads;
  }
  //! [semaphore]
  return downloads == 1 ? 0 : 1;
}
