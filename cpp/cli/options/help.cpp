#include "options/help.hpp"

#include <map>

namespace pg_exclusive::cli {

namespace {

constexpr auto program =
    R"(pg_exclusive runs a command on exactly one node, under a named lock in PostgreSQL.

Usage:
  pg_exclusive COMMAND [OPTION]... [ARGUMENT]...

Commands:
  run NAME -- COMMAND [ARG]...   run a command while holding a lock
  status [NAME]                  show who holds and who waits for which lock
  watch [NAME]                   show the same, live
  wait NAME                      wait until a lock is free
  break NAME --reason=TEXT       take a lock away from its holders
  check NAME                     tell a monitoring system how a job is doing
  id NAME                        print the 64-bit id of a lock
  doctor                         look for what may break locks

  -V, --version                  output version information, then exit
  -?, --help                     show this help, then exit

NAME is NAMESPACE/KEY, split at the first slash.
"pg_exclusive COMMAND --help" tells more about one command.
)";

constexpr auto run = R"(pg_exclusive run runs a command while holding a lock.

Usage:
  pg_exclusive run [OPTION]... NAMESPACE/KEY -- COMMAND [ARG]...

Options:
  -n, --nowait               give up at once when the lock is taken
  -w, --wait=SECS            give up after waiting so long. Without -w and -n
                             it waits without limit, also while the server
                             restarts
  -s, --shared               take the lock together with others that ask for
                             -s. Not with --slot or --once-per
  -E, --taken-exit-code=NUM  exit code when the lock is taken (default 75)
      --slot=TEXT            run at most one command that succeeds per slot,
                             on all nodes, ever
      --once-per=PERIOD      do not run when the last run that succeeded
                             started less than half of this ago. PERIOD is a
                             number with one of the units s, min, h, d, w,
                             such as "1d". Half, so that a cron job that
                             starts a little earlier than yesterday still runs
      --full-period          compare with all of PERIOD, not with half of it
      --on-crash=WHAT        what to do about a run of the slot or period that
                             never ended: "retry" (default) or "skip"
      --grace=SECS           time between TERM and KILL when the lock is lost
                             (default 5)
      --lease=SECS           how long the server keeps the lock of a client it
                             does not hear from (default 15, or what --grace
                             needs)
      --leftovers=WHAT       processes the command leaves behind: "wait" for
                             them (default) or "end" them
      --isolate              run it in a PID namespace, which ends with the tool
                             whatever happens. Needs root or user namespaces
      --pooled               the server is behind a pooler in transaction mode.
                             The namespace needs a max_lease of --lease. Not
                             with -s
      --yield                send TERM to the command when request_lock() asks
                             for the lock
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 messages as JSON, one object a line
  -q, --quiet                say nothing when the lock is taken or when it
                             already ran. The exit code tells
  -v, --verbose              say what happens
  -?, --help                 show this help, then exit

@connection@
The command sees PG_EXCLUSIVE_NAMESPACE, PG_EXCLUSIVE_KEY and
PG_EXCLUSIVE_TOKEN, the fencing token. Signals are passed on to it.

The exit code is the command's own, 128+N if signal N ended it, or
  64   usage
  69   the database is unreachable, a standby, or out of room
  70   the tool failed
  71   the system refused a process, memory, a descriptor, /proc or a pidfd
  75   the lock is taken, the wait timed out, the namespace is paused or its
       quota is used up
  76   the lock was lost
  77   it already ran in this slot or period
  78   something is not set up, and a hint says what
  126  the command is not executable
  127  the command was not found
)";

constexpr auto status =
    R"(pg_exclusive status shows who holds and who waits for which lock.

Usage:
  pg_exclusive status [OPTION]... [NAMESPACE[/KEY]]

Options:
      --namespaces           show the registered namespaces too
      --runs                 show the recorded runs too, and how each job is
                             doing
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 output JSON
  -?, --help                 show this help, then exit

@connection@
The output fits the terminal, or $COLUMNS or 80 columns where it is none. From
100 columns on it shows fencing tokens. PID is the server's process. --json cuts
nothing. Ids and tokens are strings there, because a program that reads JSON
numbers as doubles would round ids.
)";

constexpr auto watch =
    R"(pg_exclusive watch shows holders and waiters of locks, live.

Usage:
  pg_exclusive watch [OPTION]... [NAMESPACE[/KEY]]

Options:
  -i, --interval=SECS        time between two looks (default 1)
      --count=NUM            end after so many looks
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 output JSON, one object a look
  -?, --help                 show this help, then exit

@connection@
Keys: n by name, t by time, w by waiters, r reverse, / filter, Esc no filter,
space pause, q quit. Arrows, PgUp and PgDn scroll. Where output is not a
terminal, or the terminal cannot move its cursor, it is plain text. NO_COLOR
turns colors off.
)";

constexpr auto wait = R"(pg_exclusive wait waits until a lock is free.

Usage:
  pg_exclusive wait [OPTION]... NAMESPACE/KEY

Options:
  -n, --nowait               do not wait. Exit code 0 when free, 75 when taken
  -w, --wait=SECS            give up after so long, with exit code 75
  -s, --shared               until it could be taken with "run -s"
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 output JSON
  -?, --help                 show this help, then exit

@connection@
It queues for the lock, and releases it as soon as it is granted. For that
moment the lock is taken. "pg_exclusive status" only looks.
)";

constexpr auto break_ =
    R"(pg_exclusive break takes a lock away by ending the sessions of its holders.

Usage:
  pg_exclusive break [OPTION]... NAMESPACE/KEY --reason=TEXT

Options:
      --reason=TEXT          why. It goes to the server's log
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 output JSON
  -?, --help                 show this help, then exit

@connection@
Commands of "run" that lose their lock are ended, but the next holder may start
before they have ended. Only fencing tokens protect meanwhile. Where you can,
send TERM to the holder's process instead. "status" names its host and pid.
)";

constexpr auto id =
    R"(pg_exclusive id prints the 64-bit id of a lock, without asking a server.

Usage:
  pg_exclusive id [OPTION]... NAMESPACE/KEY

Options:
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 output JSON
  -?, --help                 show this help, then exit
)";

constexpr auto check =
    R"(pg_exclusive check tells a monitoring system how a job is doing.

Usage:
  pg_exclusive check [OPTION]... NAMESPACE/KEY

Options:
      --max-age=PERIOD       how long ago the last success may have begun, such
                             as "26h" (default: the period of --once-per)
      --namespace=TEXT       namespace and key apart from each other, in place
      --key=TEXT             of NAMESPACE/KEY
      --json                 output JSON
  -?, --help                 show this help, then exit

@connection@
It looks at the runs that "run --once-per" and "run --slot" have recorded. Exit
codes, as Nagios has them: 0 the job has succeeded in time, 1 it has, but a
later run failed or never ended, 2 it has not succeeded in time, 3 not known.
)";

constexpr auto doctor =
    R"(pg_exclusive doctor looks for what may break locks, and says what to do.

Usage:
  pg_exclusive doctor [OPTION]...

Options:
      --lease=SECS           the lease that "run" is going to use (default 15)
      --json                 output JSON
  -?, --help                 show this help, then exit

@connection@
Exit code 0 when all is well, 1 with warnings only, 2 when something fails.
)";

constexpr auto connection = R"(Connection options:
  -h, --host=HOSTNAME        database server host or socket directory
  -p, --port=PORT            database server port
  -U, --username=USERNAME    user name to connect as
  -d, --dbname=DBNAME        database to connect to, or a connection string
  -W, --password             ask for the password first
)";

}  // namespace

std::string help_text(const std::string &command) {
  static const std::map<std::string, const char *> texts{
      {"", program},    {"run", run},     {"status", status},
      {"watch", watch}, {"wait", wait},   {"break", break_},
      {"id", id},       {"check", check}, {"doctor", doctor}};
  static const std::string mark = "@connection@";
  std::string text = texts.at(command);
  const auto at = text.find(mark);
  if (at != std::string::npos) {
    text.replace(at, mark.size(), connection);
  }
  return text;
}

}  // namespace pg_exclusive::cli
