// pg_exclusive: runs a command on exactly one node, under a named lock.
#include <fcntl.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <exception>
#include <iostream>
#include <system_error>

#include "base/exit_codes.hpp"
#include "base/message.hpp"
#include "commands/commands.hpp"
#include "db/conninfo.hpp"
#include "db/tool_error.hpp"
#include "options/options.hpp"

namespace pg_exclusive::cli {

namespace {

int fail(const tool_error &error) {
  print_message(
      {"error: " + error.message, error.hint, R"({"event":"error"})"});
  return error.exit_code;
}

/// Where input or output was closed, no socket of the tool may get its number
/// and what is written to it. Writing fails, as it should. The command finds it
/// closed, as it would without the tool.
void fill_standard_descriptors() {
  int fd = -1;
  do {
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) {
    close(fd);
  }
}

/// What could not be written is an error. Returns 0 otherwise.
int check_output() {
  std::cout.flush();
  if (!std::cout || std::fflush(stdout) != 0) {
    throw tool_error{"could not write to standard output", "", exit_system};
  }
  return exit_ok;
}

int run_command_line(int argc, char **argv) {
  const auto parsed = parse_options(argc, argv);
  if (const auto *early = std::get_if<early_exit>(&parsed)) {
    if (early->exit_code != exit_ok) {
      print_message(early->text);
      return early->exit_code;
    }
    std::cout << early->text.text;
    return check_output();
  }
  hide_passwords(argc, argv);
  const auto &given = std::get<options>(parsed);
  if (given.json) {
    print_messages_as_json();
  }
  const int code =
      std::visit([&given](const auto &what) { return execute(what, given); },
                 given.command);
  return code == exit_ok ? check_output() : code;
}

}  // namespace

}  // namespace pg_exclusive::cli

int main(int argc, char **argv) {
  using namespace pg_exclusive;  // NOLINT(google-build-using-namespace)
  cli::fill_standard_descriptors();
  (void)std::setlocale(LC_CTYPE,
                       "");  // what a character is; never what a number is
  try {
    return cli::run_command_line(argc, argv);
  } catch (const cli::tool_error &error) {
    return cli::fail(error);
  } catch (const lock_error &error) {
    return cli::fail(cli::describe(error));
  } catch (const std::system_error &error) {
    return cli::fail({error.what(), "", cli::exit_system});
  } catch (const std::exception &error) {
    return cli::fail({error.what(), "", cli::exit_internal});
  }
}
