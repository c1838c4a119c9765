// what leads is called as f(pg_exclusive::hold &)
#include <pg_exclusive/client.hpp>

bool example(pg_exclusive::client &locks) {
  return locks.lead({"jobs", "x"}, [] {});
}
