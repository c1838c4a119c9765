// look at its result
#include <pg_exclusive/client.hpp>

void example(pg_exclusive::client &locks) { locks.try_lock({"jobs", "x"}); }
