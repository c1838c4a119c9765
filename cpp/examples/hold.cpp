// What hold.hpp shows.
#include <iostream>
#include <pg_exclusive/client.hpp>
#include <string>

namespace {

int written = 0;

void write(const std::string &row, std::int64_t token) {
  std::cout << row << " with token " << token << '\n';
  ++written;
}

void example() {
  //! [hold]
  pg_exclusive::client locks;
  pg_exclusive::hold held = *locks.try_lock({"default", "example-hold"});

  // Stop what blocks when the lock is lost.
  const std::stop_callback on_loss(held.lost(), [] { std::cerr << "lost\n"; });

  for (const char *row : {"first", "second"}) {
    held.check();               // throws lock_lost
    write(row, *held.token());  // and the resource checks the token
  }
  held.unlock();  // throws lock_lost, too
  //! [hold]
}

}  // namespace

int main() {
  example();
  return written == 2 ? 0 : 1;
}
