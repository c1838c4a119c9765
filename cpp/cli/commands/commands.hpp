// The commands of the tool. Each returns the exit code, and throws tool_error
// or lock_error.
#pragma once

#include "options/options.hpp"

namespace pg_exclusive::cli {

int execute(const run_options &wanted, const options &all);
int execute(const status_options &wanted, const options &all);
int execute(const watch_options &wanted, const options &all);
int execute(const wait_options &wanted, const options &all);
int execute(const break_options &wanted, const options &all);
int execute(const id_options &wanted, const options &all);
int execute(const check_options &wanted, const options &all);
int execute(const doctor_options &wanted, const options &all);

}  // namespace pg_exclusive::cli
