// What lock_name.hpp shows.
#include <pg_exclusive/lock_name.hpp>

#undef NDEBUG
#include <cassert>

int main() {
  //! [names]
  const pg_exclusive::lock_name nightly{"jobs", "nightly-close"};
  const auto typed_in = pg_exclusive::lock_name::parse("jobs/nightly-close");
  assert(nightly == typed_in);
  assert(nightly.id() == 6823680722203212612);  // as lock_id() says in SQL
  //! [names]
}
