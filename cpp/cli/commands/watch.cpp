// watch: holders and waiters, live.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <thread>
#include <type_traits>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "base/text_table.hpp"
#include "commands/commands.hpp"
#include "commands/terminal_type.hpp"
#include "commands/watch_list.hpp"
#include "commands/watch_screen.hpp"
#include "db/views.hpp"

namespace pg_exclusive::cli {

namespace {

/// A session that is opened again after it was lost. Nothing depends on it.
class observer {
 public:
  observer(const connection_options &to, const selection &what)
      : to_{to}, what_{what} {}

  lock_snapshot look() {
    return with_session([this](database &db) { return read_locks(db, what_); });
  }
  std::string look_json() {
    return with_session([this](database &db) {
      return json_text(read_json(db, what_,
                                 {{"holders", "lock_holders", what_},
                                  {"waiters", "lock_waiters", what_}}));
    });
  }

 private:
  template <typename F>
  std::invoke_result_t<F, database &> with_session(const F &ask) {
    try {
      if (!db_) {
        db_ = std::make_unique<database>(to_);
      }
      return ask(*db_);
    } catch (const tool_error &) {
      db_.reset();
      throw;
    }
  }

  const connection_options &to_;
  const selection &what_;
  std::unique_ptr<database> db_;
};

/// Nothing is cut: this is read by programs and kept in logs.
void print_plain(const lock_snapshot &locks) {
  const auto header = watch_header();
  text_table table{{header.begin(), header.end()}};
  for (const watch_row &row : watch_rows(locks, {})) {
    table.add({row.cells.begin(), row.cells.end()});
  }
  std::cout << locks.time << "  " << locks.database << "  "
            << watch_summary(locks) << '\n'
            << table.str() << std::endl;  // a reader of a pipe gets it now
}

}  // namespace

int execute(const watch_options &wanted, const options &all) {
  observer eyes{all.connection, wanted.what};
  const bool terminal = isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0;
  if (!all.json && terminal && has_screen()) {
    // The first look asks for a password, or fails, before the screen is taken.
    const lock_snapshot first = eyes.look();
    watch_on_screen(wanted, first, [&eyes] { return eyes.look(); });
  }
  for (int looks = 1;; ++looks) {
    if (all.json) {
      std::cout << eyes.look_json() << std::endl;
    } else {
      print_plain(eyes.look());
    }
    if (looks == wanted.count || !std::cout) {
      return exit_ok;
    }
    std::this_thread::sleep_for(wanted.interval);
  }
}

}  // namespace pg_exclusive::cli
