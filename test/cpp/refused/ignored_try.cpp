// false says that the lock was not taken
#include <pg_exclusive/mutex.hpp>

void example(pg_exclusive::mutex &mutex) { mutex.try_lock(); }
