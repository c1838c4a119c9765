#include "options/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "base/exit_codes.hpp"
#include "options/help.hpp"
#include "options/numbers.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/version.hpp"

namespace pg_exclusive::cli {

namespace {

/// A name as it was typed: in one piece or in two.
struct typed_name {
  std::string whole;
  std::string namespace_;
  std::string key;
};

/// What is typed has to be turned into what is meant, after CLI11 has read it.
struct typed {
  options result;
  run_options run;
  status_options status;
  watch_options watch;
  wait_options wait;
  break_options break_;
  id_options id;
  check_options check;
  doctor_options doctor;
  typed_name name;
  double wait_seconds = -1;
  std::optional<std::string> once_per;
  std::optional<std::string> max_age;
  std::optional<std::string> slot;
  std::optional<on_crash> crash;
  bool nowait = false;
  double grace = 5;
  double lease = 0;
  double interval = 1;
};

CLI::Validator number(double least, double most, bool whole = false) {
  const auto check = [=](std::string &text) -> std::string {
    if (is_plain_number(text, whole)) {
      const double value = std::strtod(text.c_str(), nullptr);
      if (value >= least && value <= most) {
        // CLI11 reads a leading zero as octal.
        text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
        return "";
      }
    }
    std::ostringstream message;
    message << '"' << text << "\" is not a " << (whole ? "whole " : "")
            << "number between " << least << " and " << std::setprecision(12)
            << most;
    return message.str();
  };
  return CLI::Validator{check, "NUMBER"};
}

void add_connection(CLI::App &app, connection_options &to) {
  app.add_option("-h,--host", to.host);
  app.add_option("-p,--port", to.port);
  app.add_option("-U,--username", to.user);
  app.add_option("-d,--dbname", to.dbname);
  app.add_flag("-W,--password", to.ask_password);
}

void add_name(CLI::App &app, typed_name &to) {
  app.add_option("name", to.whole);
  app.add_option("--namespace", to.namespace_);
  app.add_option("--key", to.key);
}

void add_wait(CLI::App &app, typed &to) {
  auto *wait = app.add_option("-w,--wait", to.wait_seconds)
                   ->transform(number(0, ten_years));
  app.add_flag("-n,--nowait", to.nowait)->excludes(wait);
}

void add_run(CLI::App &app, typed &to) {
  add_name(app, to.name);
  add_wait(app, to);
  auto *shared = app.add_flag("-s,--shared", to.run.shared);
  app.add_option("-E,--taken-exit-code", to.run.busy_exit_code)
      ->transform(number(0, 255, true));
  // A run is recorded under an exclusive lock: begin_run() asks for one.
  auto *slot = app.add_option("--slot", to.slot)->excludes(shared);
  app.add_option("--once-per", to.once_per)->excludes(slot)->excludes(shared);
  app.add_flag("--full-period", to.run.full_period);
  app.add_option("--on-crash", to.crash)
      ->transform(CLI::Transformer(std::map<std::string, on_crash>{
          {"retry", on_crash::retry}, {"skip", on_crash::skip}}));
  // The longest lease, an hour, leaves time for 1080 s.
  app.add_option("--grace", to.grace)->transform(number(0, 1080));
  app.add_option("--lease", to.lease)->transform(number(0.5, 3600));
  app.add_option("--leftovers", to.run.on_leftovers)
      ->transform(CLI::Transformer(std::map<std::string, leftovers>{
          {"wait", leftovers::wait}, {"end", leftovers::end}}));
  app.add_flag("--isolate", to.run.isolate);
  app.add_flag("--pooled", to.run.pooled)->excludes(shared);
  app.add_flag("--yield", to.run.yield);
  auto *quiet = app.add_flag("-q,--quiet", to.run.quiet);
  app.add_flag("-v,--verbose", to.run.verbose)->excludes(quiet);
  app.prefix_command();
}

void add_commands(CLI::App &app, typed &to) {
  std::map<std::string, CLI::App *> commands;
  for (const char *name :
       {"run", "status", "watch", "wait", "break", "id", "check", "doctor"}) {
    commands[name] = app.add_subcommand(name);
    commands[name]->add_flag("--json", to.result.json);
    if (std::string{"id"} != name) {
      add_connection(*commands[name], to.result.connection);
    }
  }
  add_run(*commands["run"], to);
  for (const char *name : {"status", "watch", "wait", "break", "id", "check"}) {
    add_name(*commands[name], to.name);
  }
  commands["status"]->add_flag("--runs", to.status.runs);
  commands["status"]->add_flag("--namespaces", to.status.namespaces);
  commands["watch"]
      ->add_option("-i,--interval", to.interval)
      ->transform(number(0.1, 3600));
  commands["watch"]
      ->add_option("--count", to.watch.count)
      ->transform(number(1, 1'000'000'000, true));
  add_wait(*commands["wait"], to);
  commands["wait"]->add_flag("-s,--shared", to.wait.shared);
  commands["break"]->add_option("--reason", to.break_.reason)->required();
  commands["check"]->add_option("--max-age", to.max_age);
  commands["doctor"]
      ->add_option("--lease", to.lease)
      ->transform(number(0.5, 3600));
}

[[noreturn]] void refuse(const std::string &text) {
  throw CLI::ValidationError(text);
}

/// What is stored or compared in the database is UTF-8.
void check_text(const std::string &what, const std::string &text) {
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error &) {
    refuse(what + " is not valid UTF-8");
  }
}

void check_name(const typed_name &name) {
  check_text("the lock's name", name.whole);
  check_text("--namespace", name.namespace_);
  check_text("--key", name.key);
}

lock_name one_name(const typed_name &name) {
  check_name(name);
  const bool apart = !name.namespace_.empty() || !name.key.empty();
  if (apart && !name.whole.empty()) {
    refuse("a name is given twice: \"" + name.whole +
           "\" and --namespace or "
           "--key (use \"--\" before the command)");
  }
  if (!apart && name.whole.empty()) {
    refuse("no lock is named");
  }
  lock_name result = apart ? lock_name{name.namespace_, name.key}
                           : lock_name::parse(name.whole);
  result.check();
  return result;
}

selection some_names(const typed_name &name) {
  check_name(name);
  if (name.whole.empty()) {
    return {name.namespace_, name.key};
  }
  const auto slash = name.whole.find('/');
  return {name.whole.substr(0, slash),
          slash == std::string::npos ? "" : name.whole.substr(slash + 1)};
}

std::optional<seconds> wait_limit(const typed &given) {
  if (given.nowait) {
    return seconds{0};
  }
  return given.wait_seconds < 0 ? std::nullopt
                                : std::optional{seconds{given.wait_seconds}};
}

/// The lease has to leave time for ending the command, twice: see schedule.
void set_times(const typed &given, run_options &run) {
  run.grace = seconds{given.grace};
  const double least =
      seconds{
          schedule::shortest_lease(
              std::chrono::duration_cast<std::chrono::nanoseconds>(run.grace))}
          .count();
  if (given.lease == 0) {
    run.lease = seconds{std::max(15.0, std::ceil(least))};
  } else if (given.lease < least) {
    refuse("a grace of " + CLI::detail::to_string(given.grace) +
           " s needs a lease of at least " +
           CLI::detail::to_string(std::ceil(least * 10) / 10) + " s");
  } else {
    run.lease = seconds{given.lease};
  }
}

/// A slot, or a period, which is recorded as a slot of its own. One that is
/// empty by mistake (an unset variable) must not mean none.
void set_slot(const typed &given, run_options &run) {
  if (given.slot) {
    if (given.slot->empty()) {
      refuse("--slot: a slot must not be empty");
    }
    check_text("--slot", *given.slot);
    run.slot = *given.slot;
  }
  if (given.once_per) {
    run.once_per = read_period("--once-per", *given.once_per);
    run.slot = "every " + std::to_string(run.once_per->count()) + " s";
  }
  if (run.full_period && !run.once_per) {
    refuse("--full-period needs --once-per");
  }
  if (given.crash) {
    if (run.slot.empty()) {
      refuse("--on-crash needs --slot or --once-per");
    }
    run.on_crash = *given.crash;
  }
}

command_options meant_by(typed &given, const std::string &command) {
  if (command == "run") {
    given.run.name = one_name(given.name);
    given.run.wait = wait_limit(given);
    set_times(given, given.run);
    set_slot(given, given.run);
    if (given.run.command.empty()) {
      refuse("no command to run is given");
    }
    return given.run;
  }
  if (command == "status") {
    given.status.what = some_names(given.name);
    return given.status;
  }
  if (command == "watch") {
    given.watch.what = some_names(given.name);
    given.watch.interval = seconds{given.interval};
    return given.watch;
  }
  if (command == "doctor") {
    given.doctor.lease = seconds{given.lease == 0 ? 15 : given.lease};
    return given.doctor;
  }
  const lock_name name = one_name(given.name);
  if (command == "wait") {
    given.wait.name = name;
    given.wait.wait = wait_limit(given);
    return given.wait;
  }
  if (command == "break") {
    given.break_.name = name;
    if (given.break_.reason.empty()) {
      refuse("--reason: a reason must not be empty");
    }
    check_text("--reason", given.break_.reason);
    return given.break_;
  }
  if (command == "check") {
    given.check.name = name;
    if (given.max_age) {
      given.check.max_age = read_period("--max-age", *given.max_age);
    }
    return given.check;
  }
  return id_options{name};
}

early_exit usage_error(const std::string &text, const std::string &command,
                       bool json) {
  const std::string program =
      command.empty() ? "pg_exclusive" : "pg_exclusive " + command;
  if (json) {
    print_messages_as_json();
  }
  return {
      {"error: " + text, "Try \"" + program + " --help\" for more information.",
       R"({"event":"error"})"},
      exit_usage};
}

std::string chosen_command(const CLI::App &app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? "" : chosen.front()->get_name();
}

/// CLI11 would name what is left over, and the wrong way round.
void check_command(const CLI::App &app, int argc, char **argv) {
  if (argc < 2) {
    refuse("no command is given");
  }
  const std::string first = argv[1];
  const auto called_so = [&first](const CLI::App *command) {
    return command->get_name() == first;
  };
  if (first.rfind('-', 0) != 0 && app.get_subcommands(called_so).empty()) {
    refuse("there is no command \"" + first + "\"");
  }
}

}  // namespace

std::variant<options, early_exit> parse_options(int argc, char **argv) {
  typed given;
  CLI::App app;
  app.set_help_flag("-?,--help");
  app.set_version_flag("-V,--version", "pg_exclusive " PG_EXCLUSIVE_VERSION);
  app.require_subcommand(0, 1);
  add_commands(app, given);

  // What follows "--" is the user's, whatever it looks like.
  const auto dashes =
      std::find(argv + std::min(argc, 1), argv + argc, std::string{"--"});
  // Known before the parser fails.
  const bool json = std::find(argv + std::min(argc, 1), dashes,
                              std::string{"--json"}) != dashes;
  try {
    check_command(app, argc, argv);
    app.parse(static_cast<int>(dashes - argv), argv);
    const std::string command = chosen_command(app);
    if (command.empty()) {
      refuse("no command is given");
    }
    given.run.command = app.get_subcommands().front()->remaining();
    if (dashes != argv + argc) {
      if (!given.run.command.empty()) {
        refuse("\"" + given.run.command.front() +
               "\" is neither an option nor a name");
      }
      given.run.command.assign(dashes + 1, argv + argc);
    }
    given.result.command = meant_by(given, command);
    return given.result;
  } catch (const CLI::CallForHelp &) {
    return early_exit{{help_text(chosen_command(app))}, exit_ok};
  } catch (const CLI::CallForVersion &version) {
    return early_exit{{std::string{version.what()} + "\n"}, exit_ok};
  } catch (const CLI::ParseError &error) {
    return usage_error(error.what(), chosen_command(app), json);
  } catch (const std::invalid_argument &error) {
    return usage_error(error.what(), chosen_command(app), json);
  } catch (const lock_error &error) {
    return usage_error(error.what(), chosen_command(app), json);
  }
}

}  // namespace pg_exclusive::cli
