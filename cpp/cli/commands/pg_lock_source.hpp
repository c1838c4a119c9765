// A lock of PostgreSQL, for a command to run under.
#pragma once

#include <string>

#include "options/options.hpp"
#include "pg_exclusive/client.hpp"
#include "supervise/lock_source.hpp"

namespace pg_exclusive::cli {

/// Waits for the lock, and records the run if asked. When the server goes away
/// during the wait, as in a restart, it connects again and goes on waiting
/// until the wait's own limit. A first connection that fails is an error.
class pg_lock_source : public lock_source {
 public:
  pg_lock_source(const run_options &wanted, std::string conninfo);

  std::optional<verdict> acquire(std::stop_token stop,
                                 const task &run) override;

 private:
  std::optional<verdict> acquire_or_throw(std::stop_token stop,
                                          const task &run);
  result<hold> wait_for_lock(const std::stop_token &stop);
  std::optional<verdict> run_under(hold &held, const task &run);
  [[nodiscard]] verdict not_run(int exit_code, message why) const;
  [[nodiscard]] message already_ran() const;

  const run_options &wanted_;
  std::string conninfo_;
};

}  // namespace pg_exclusive::cli
