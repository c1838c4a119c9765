// A lock of PostgreSQL, for a command to run under.
#pragma once

#include <string>

#include "options/options.hpp"
#include "supervise/lock_source.hpp"

namespace pg_exclusive::cli {

class pg_lock_source : public lock_source {
 public:
  pg_lock_source(const run_options &wanted, std::string conninfo);

  std::optional<verdict> acquire(std::stop_token stop,
                                 const task &run) override;

 private:
  std::optional<verdict> acquire_or_throw(std::stop_token stop,
                                          const task &run);
  [[nodiscard]] verdict not_run(int exit_code, message why) const;

  const run_options &wanted_;
  std::string conninfo_;
};

}  // namespace pg_exclusive::cli
