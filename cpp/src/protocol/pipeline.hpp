// Statements that travel together, for one thread that waits for all of them.
#pragma once

#include <string>
#include <vector>

#include "protocol/pq.hpp"

namespace pg_exclusive::pq {

// The statements run in one transaction, in one round trip.
class pipeline {
 public:
  // Enters pipeline mode; `run` leaves it.
  explicit pipeline(PGconn *connection);

  void query(const std::string &sql,
             const std::vector<std::string> &parameters = {});
  void prepare(const char *name, const std::string &sql,
               const std::vector<Oid> &types);

  // Sends what was added, and returns the result of each.
  // Throws lock_error, the first error that there was.
  std::vector<result_ptr> run();

 private:
  void check(bool sent) const;

  PGconn *const connection_;
  std::size_t size_ = 0;
};

}  // namespace pg_exclusive::pq
