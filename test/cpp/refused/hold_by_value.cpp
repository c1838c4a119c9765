// a task is called as f() or as f(pg_exclusive::hold &)
#include <pg_exclusive/client.hpp>

bool example(pg_exclusive::client &locks) {
  const auto run = locks.try_run_once({"jobs", "x"}, "slot",
                                      [](pg_exclusive::hold /*held*/) {});
  return run.ran();
}
