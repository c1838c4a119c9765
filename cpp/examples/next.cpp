// What client.hpp shows of a worker that goes from lock to lock.
#include <iostream>
#include <optional>
#include <pg_exclusive/client.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

int checked = 0;

void check_account(const std::string &account) {
  std::cout << account << '\n';
  ++checked;
}

void example() {
  const std::vector<std::string> accounts{"example-1", "example-2",
                                          "example-3"};
  //! [next]
  pg_exclusive::client locks;
  std::optional<pg_exclusive::hold> held;
  for (const auto &account : accounts) {
    const pg_exclusive::lock_name name{"default", account};
    auto next = held ? locks.try_lock_next(*std::exchange(held, {}), name)
                     : locks.try_lock(name);
    if (!next) continue;  // somebody else is at it
    held = *std::move(next);
    check_account(account);
  }
  //! [next]
}

}  // namespace

int main() {
  example();
  return checked == 3 ? 0 : 1;
}
