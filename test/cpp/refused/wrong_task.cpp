// a task is called as f() or as f(pg_exclusive::hold &)
#include <pg_exclusive/client.hpp>

bool example(pg_exclusive::client &locks) {
  const auto run = locks.try_run_exclusive({"jobs", "x"}, [](int) {});
  return run.ran();
}
