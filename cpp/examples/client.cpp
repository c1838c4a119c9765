// What client.hpp shows: a scheduler whose jobs run on one node each.
#include <iostream>
#include <pg_exclusive/client.hpp>
#include <string>

using namespace std::chrono_literals;

namespace {

int ran = 0;

void job(const std::string &name) {
  std::cout << name << '\n';
  ++ran;
}

void example() {
  //! [client]
  pg_exclusive::client locks{"application_name=scheduler"};

  // If nobody else does: the task may look after its hold.
  if (!locks.try_run_exclusive({"default", "example-report"},
                               [](pg_exclusive::hold &h) {
                                 h.check();
                                 job("report");
                               })) {
    std::cout << "another node writes the report\n";
  }

  // One after the other, but not for ever.
  if (!locks.run_exclusive({"default", "example-import"}, {.wait = 5s},
                           [] { job("import"); })) {
    std::cout << "busy for five seconds\n";
  }

  // Once a day, over all nodes, however short it is.
  const std::string today = "day-" + std::to_string(std::time(nullptr));
  if (locks
          .try_run_once({"default", "example-mail"}, today, [] { job("mail"); })
          .outcome() == pg_exclusive::outcome::already_ran) {
    std::cout << "sent before\n";
  }

  // One leader, until it has served its term or this node is shut down.
  std::stop_source shutdown;
  locks.lead(
      {"default", "example-leader"},
      [](pg_exclusive::hold &term) {
        while (term.held() && ran < 4) job("leading");
      },
      shutdown.get_token());
  //! [client]
}

}  // namespace

int main() {
  example();
  return ran == 4 ? 0 : 1;
}
