// run: a command under a lock.
#include "commands/commands.hpp"
#include "commands/pg_lock_source.hpp"
#include "db/connection.hpp"
#include "supervise/supervise.hpp"

namespace pg_exclusive::cli {

int execute(const run_options &wanted, const options &all) {
  const std::string conninfo = make_conninfo(all.connection);
  const command_line command{
      wanted.command,
      {{"PG_EXCLUSIVE_NAMESPACE", wanted.name.namespace_},
       {"PG_EXCLUSIVE_KEY", wanted.name.key}}};
  const schedule times{
      std::chrono::duration_cast<std::chrono::nanoseconds>(wanted.lease),
      std::chrono::duration_cast<std::chrono::nanoseconds>(wanted.grace),
      wanted.on_leftovers, wanted.isolate};
  return supervise(command, times, [&] {
    return std::make_unique<pg_lock_source>(wanted, conninfo);
  });
}

}  // namespace pg_exclusive::cli
