// run: a command under a lock.
#include "base/exit_codes.hpp"
#include "commands/busy_message.hpp"
#include "commands/commands.hpp"
#include "commands/pg_lock_source.hpp"
#include "db/conninfo.hpp"
#include "db/tool_error.hpp"
#include "process/requirements.hpp"
#include "supervise/supervise.hpp"

namespace pg_exclusive::cli {

namespace {

std::chrono::nanoseconds in_nanoseconds(seconds given) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(given);
}

/// Where processes cannot be found and ended, no command is started. With -n, a
/// lock that is busy is still reported as that.
int refuse(const run_options &wanted, const std::string &conninfo,
           const std::string &why) {
  if (wanted.wait == seconds{0}) {
    client locks{conninfo};
    const auto tried = locks.try_lock(wanted.name);
    if (!tried) {
      if (!wanted.quiet) {
        print_message(
            busy_message(wanted.name, tried.outcome(), tried.refused_by()));
      }
      return wanted.busy_exit_code;
    }
  }
  throw tool_error{"the command cannot be supervised: " + why,
                   "The tool needs /proc of its own PID namespace, and pidfds "
                   "(Linux 5.3), to find and end the command's processes.",
                   exit_system};
}

}  // namespace

int execute(const run_options &wanted, const options &all) {
  const std::string conninfo = make_conninfo(all.connection);
  if (const auto why = missing_process_control()) {
    return refuse(wanted, conninfo, *why);
  }
  const command_line command{
      wanted.command,
      {{"PG_EXCLUSIVE_NAMESPACE", wanted.name.namespace_},
       {"PG_EXCLUSIVE_KEY", wanted.name.key}}};
  const schedule times{in_nanoseconds(wanted.lease),
                       in_nanoseconds(wanted.grace), wanted.on_leftovers,
                       wanted.isolate, wanted.yield};
  return supervise(command, times, [&] {
    return std::make_unique<pg_lock_source>(wanted, conninfo);
  });
}

}  // namespace pg_exclusive::cli
