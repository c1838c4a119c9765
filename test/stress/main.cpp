// pg_exclusive_harness: clients that fight for locks while things break, and a
// judge of what they saw.
//
//   run      a whole run, beside test/lib/with-server
//   check    judges a history file
//   note     adds a fault that somebody else made to a history
//   node     one client; `run` starts these
//   child    what the command line runs under a lock; its nodes start these

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <iostream>

#include "nodes/node.hpp"
#include "run/nemesis.hpp"
#include "run/stress.hpp"

namespace {

using harness::NodeOptions;
using harness::StressOptions;

void add_run(CLI::App &app, StressOptions &options, int &status) {
  for (const auto &[name, _] : harness::all_faults()) {
    options.faults.insert(name);
  }
  options.kinds = {"sql", "facade", "cli", "task", "lease"};
  CLI::App *run = app.add_subcommand("run", "a whole run");
  run->add_option("--directory", options.directory)->required();
  run->add_option("--seconds", options.seconds)->capture_default_str();
  run->add_option("--seed", options.seed)->capture_default_str();
  run->add_option("--lease", options.lease_ms, "milliseconds")
      ->capture_default_str();
  run->add_option("--report-bound", options.report_bound_ms, "milliseconds")
      ->capture_default_str();
  run->add_option("--least-hits", options.least_hits)->capture_default_str();
  run->add_option("--faults", options.faults, "which; default all")
      ->delimiter(',');
  run->add_option("--kinds", options.kinds, "of nodes; default all")
      ->delimiter(',');
  run->add_option("--nodes", options.nodes, "of each kind")
      ->capture_default_str();
  run->add_option("--names", options.names, "of locks")->capture_default_str();
  run->add_option("--tool", options.tool, "the command line");
  run->add_option("--conninfo", options.conninfo,
                  "a server that others break; see note");
  run->add_option("--clock-library", options.clock_library, "libfaketime");
  run->callback([&options, &status] {
    harness::listen_for_end(0);
    status = harness::stress(options, std::cout);
  });
}

void add_check(CLI::App &app, StressOptions &options, std::string &file,
               int &status) {
  CLI::App *check = app.add_subcommand("check", "judges a history");
  check->add_option("file", file)->required();
  check->callback([&options, &file, &status] {
    options.least_hits = 0;
    status = harness::report(options, file, {}, std::cout);
  });
}

void add_note(CLI::App &app, harness::NodeOptions &options, std::string &fault,
              std::string &effect, bool &done) {
  CLI::App *note = app.add_subcommand("note", "adds a fault to a history");
  note->add_option("--history", options.history)->required();
  note->add_option("--fault", fault)->required();
  note->add_option("--effect", effect, "ends or forgets")->required();
  note->add_flag("--done", done, "it is over; else it begins");
  note->callback([&] {
    harness::Line event =
        harness::line(harness::Op::kFault,
                      done ? harness::Ev::kOk : harness::Ev::kInvoke, fault);
    event.slot = effect;
    harness::Recorder(options.history, "nemesis-" + fault).record(event);
  });
}

void add_node(CLI::App &app, const char *name, NodeOptions &options,
              const std::function<void()> &action) {
  CLI::App *node = app.add_subcommand(name, "one client");
  node->add_option("--kind", options.kind);
  node->add_option("--name", options.name)->required();
  node->add_option("--conninfo", options.conninfo);
  node->add_option("--history", options.history)->required();
  node->add_option("--resource", options.resource)->required();
  node->add_option("--tool", options.tool);
  node->add_option("--seed", options.seed);
  node->add_option("--lease", options.lease_ms);
  node->add_option("--names", options.names);
  node->add_option("--parent", options.parent);
  node->add_flag("--discard", options.discard);
  node->add_flag("--timeouts", options.timeouts);
  node->add_flag("--pooler", options.pooler);
  node->callback(action);
}

void run_node(const NodeOptions &options) {
  harness::listen_for_end(options.parent);
  if (options.kind == "sql") {
    harness::run_sql_node(options);
  } else if (options.kind == "task") {
    harness::run_task_node(options);
  } else if (options.kind == "facade" || options.kind == "lease") {
    harness::run_facade_node(options);
  } else if (options.kind == "cli") {
    harness::run_cli_node(options);
  } else {
    throw std::runtime_error("no kind of node is called " + options.kind);
  }
}

int run(int argc, char **argv) {
  StressOptions stress;
  NodeOptions node;
  std::string file;
  std::string fault;
  std::string effect;
  bool done = false;
  int status = 0;
  CLI::App app("clients that fight for locks while things break");
  app.require_subcommand(1);
  stress.program = node.self =
      std::filesystem::read_symlink("/proc/self/exe").string();
  add_run(app, stress, status);
  add_check(app, stress, file, status);
  add_note(app, node, fault, effect, done);
  add_node(app, "node", node, [&node] { run_node(node); });
  add_node(app, "child", node,
           [&node, &status] { status = harness::run_cli_child(node); });
  CLI11_PARSE(app, argc, argv);
  return status;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception &error) {
    std::cerr << "pg_exclusive_harness: " << error.what() << '\n';
    return 2;
  }
}
