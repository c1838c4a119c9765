// What the user asked for on the command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/message.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"
#include "supervise/schedule.hpp"

namespace pg_exclusive::cli {

using seconds = std::chrono::duration<double>;

/// As psql has them. What is empty comes from the environment.
struct connection_options {
  std::string host;
  std::string port;
  std::string user;
  std::string dbname;
  bool ask_password = false;
};

struct run_options {
  lock_name name;
  std::vector<std::string> command;
  std::optional<seconds> wait;  ///< nothing means without limit
  bool shared = false;
  int busy_exit_code = 75;
  std::string slot;  ///< empty if not asked for, `every 60 s` with `once_per`
  std::optional<std::chrono::seconds> once_per;
  bool full_period = false;  ///< count all of `once_per`, not half of it
  pg_exclusive::on_crash on_crash = pg_exclusive::on_crash::retry;
  seconds grace{5};
  seconds lease{15};
  cli::leftovers on_leftovers = leftovers::wait;
  bool isolate = false;
  bool pooled = false;  ///< behind a pooler in transaction mode, on a lease
  bool yield = false;   ///< end the command when the lock is asked for
  bool quiet = false;   ///< say nothing of busy locks and earlier runs
  bool verbose = false;
};

/// A namespace, and maybe one key of it. Everything if both are empty.
struct selection {
  std::string namespace_;
  std::string key;
};

struct status_options {
  selection what;
  bool runs = false;
  bool namespaces = false;
};

struct watch_options {
  selection what;
  seconds interval{1};
  int count = 0;  ///< 0 means until told to quit
};

struct wait_options {
  lock_name name;
  std::optional<seconds> wait;
  bool shared = false;
};

struct break_options {
  lock_name name;
  std::string reason;
};

struct id_options {
  lock_name name;
};

struct check_options {
  lock_name name;
  std::optional<std::chrono::seconds> max_age;  ///< none: the job's period
};

struct doctor_options {
  seconds lease{15};
};

using command_options =
    std::variant<run_options, status_options, watch_options, wait_options,
                 break_options, id_options, check_options, doctor_options>;

struct options {
  command_options command;
  connection_options connection;
  bool json = false;
};

/// What to print, and the exit code, when the command line was answered by
/// itself (help) or was not understood.
struct early_exit {
  message text;  ///< help for standard output if the exit code is 0
  int exit_code;
};

/// Reads the command line. Does not throw for anything the user may type.
std::variant<options, early_exit> parse_options(int argc, char **argv);

}  // namespace pg_exclusive::cli
