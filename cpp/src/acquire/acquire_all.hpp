// Several locks in one round trip, and their release in one.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "acquire/acquire_context.hpp"
#include "acquire/attempt.hpp"
#include "acquire/release.hpp"

namespace pg_exclusive::detail {

// Acquires the first of `names`, as many as are free in a row, without waiting.
// Adds their grants to `to`, also when it throws.  The caller goes on with the
// first name that is missing, so an error or a refusal of that name is found
// again there.  `names` have to be in the order of their ids.
void acquire_free(acquire_context &owner, std::span<const lock_name> names,
                  const lock_options &options, std::vector<grant_ptr> &to);

// The grants that one call acquired together.  When their holds are destroyed
// one after the other, each release is sent at once, and only the last one
// waits for the answers.
class release_group {
 public:
  explicit release_group(std::size_t members) : members_(members) {}

  // A hold of the group is destroyed.
  void destroy(acquire_context &owner, const grant_ptr &held) noexcept;
  // A hold of the group was released on its own.
  void leave() noexcept;

 private:
  struct started {
    grant_ptr held;
    std::unique_ptr<release> leaving;
  };

  std::mutex access_;
  std::size_t members_;           // under access_
  std::vector<started> started_;  // under access_
};

}  // namespace pg_exclusive::detail
