#include "pg_exclusive/semaphore.hpp"

#include "api/hold_access.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"

namespace pg_exclusive {

semaphore::semaphore(client locks, lock_name name, int permits)
    : client_(std::move(locks)), name_(std::move(name)), permits_(permits) {
  constexpr int most_permits = 8000;
  name_.check();
  if (permits < 1 || permits > most_permits) {
    throw lock_error(
        "a semaphore has 1 to 8000 permits, not " + std::to_string(permits),
        "22023", name_);
  }
  if (!client_.has_extension()) throw detail::missing_extension(name_);
}

result<hold> semaphore::try_acquire() {
  return acquire({.wait = std::chrono::milliseconds(0)});
}

result<hold> semaphore::acquire(const lock_options &options) {
  if (!options.wait) {
    throw lock_error("a wait for a permit must have a limit", "22023", name_);
  }
  lock_options many = options;
  many.mode = lock_mode::shared;  // with those who have the other permits
  return detail::hold_access::from(
      detail::client_access::core_of(client_)->acquire(
          name_, many, /*bound=*/false, permits_));
}

}  // namespace pg_exclusive
