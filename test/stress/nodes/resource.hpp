// What the locks protect: a fenced register in a file, outside PostgreSQL, and
// a witness that is not the lock.
//
// The register keeps, per name, the highest token seen and a value.  Uses with
// an older token are refused.  The kernel's flock() makes each use atomic and
// frees it when a process is killed.

#ifndef PG_EXCLUSIVE_TEST_STRESS_NODES_RESOURCE_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_NODES_RESOURCE_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checker/history.hpp"

namespace harness {

class Resource {
 public:
  // Opens the register for `name` in `directory`; makes it when it is new.
  // Throws std::system_error.
  Resource(const std::string &directory, const std::string &name);
  ~Resource();
  Resource(const Resource &) = delete;
  Resource &operator=(const Resource &) = delete;

  // Raises the fence to `token` and returns the value, or nothing when a newer
  // token has been seen.
  std::optional<std::int64_t> raise(std::int64_t token);

  // Stores `value`; false when a newer token has been seen.
  bool write(std::int64_t token, std::int64_t value);

  // Enters the protected section as `node`.  Returns who is inside already and
  // must not be.  An exclusive user meets everybody, a shared one only
  // exclusive ones, the holder of a permit all others when they have all of the
  // `limit` permits; the dead are forgotten.
  std::vector<std::string> enter(const std::string &node, Mode mode,
                                 std::int64_t limit = 0);
  void leave();

 private:
  std::size_t place_ = 0;  // in the witness's file, while we are inside
  int register_;
  int witness_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_NODES_RESOURCE_HPP_
