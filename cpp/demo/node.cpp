/// @file
/// One node of the demo: a process that wants to run a job which only one of
/// them may run.  The demo starts five.
///
/// It reads a command a line, and answers with its number and what happened:
///
///   `long`        runs the job if it is free; the job lasts until `finish`
///   `short MS`    waits, as a node would whose clock is behind, then runs the
///                 job, which takes no time
///   `once SLOT`   runs the job unless the slot has had its run
///   `quit`

#include <chrono>
#include <exception>
#include <iostream>
#include <optional>
#include <pg_exclusive/pg_exclusive.hpp>
#include <pqxx/pqxx>
#include <sstream>
#include <string>
#include <thread>

namespace {

using pg_exclusive::hold;
using pg_exclusive::lock_name;
using pg_exclusive::outcome;

class node {
 public:
  node(std::string number, lock_name job)
      : number_(std::move(number)),
        job_(std::move(job)),
        locks_("application_name=node-" + number_),
        books_("application_name=node-" + number_ + "-work") {}

  void say(const std::string &what) const {
    std::cout << number_ + ' ' + what + '\n' << std::flush;
  }

  void run_long() {
    tell(locks_.try_run_exclusive(job_, [this](hold &h) {
      const std::string token = std::to_string(h.token().value_or(0));
      say("started " + token);
      open_books("long", token);
      std::string line;
      while (std::getline(std::cin, line) && line != "finish") h.check();
      h.check();
      close_books("long", token);
    }));
  }

  void run_short(std::chrono::milliseconds behind) {
    std::this_thread::sleep_for(behind);
    tell(locks_.try_run_exclusive(job_, [this](hold &h) {
      const std::string token = std::to_string(h.token().value_or(0));
      say("started " + token);
      open_books("short", token);
      close_books("short", token);
    }));
  }

  /// The record that the slot had its run commits together with the work.
  void run_once(const std::string &slot) {
    tell(locks_.try_run_once_in_transaction(job_, slot, [this](pqxx::work &tx) {
      const pqxx::result row = tx.exec(
          "INSERT INTO nightly_close (race, node, token, finished) VALUES "
          "('once', " +
          number_ + ", fencing_token(" + tx.quote(job_.namespace_) + ", " +
          tx.quote(job_.key) + "), clock_timestamp()) RETURNING token");
      say("started " + row[0][0].as<std::string>());
    }));
  }

 private:
  template <class T>
  void tell(const pg_exclusive::result<T> &result) const {
    if (result) return say("finished");
    if (result.outcome() == outcome::already_ran) return say("already");
    const auto &holder = result.refused_by();
    say("refused " + (holder ? holder->to_string() : "somebody"));
  }

  void open_books(const std::string &race, const std::string &token) {
    execute("INSERT INTO nightly_close (race, node, token) VALUES ('" + race +
            "', " + number_ + ", " + token + ")");
  }

  void close_books(const std::string &race, const std::string &token) {
    execute(
        "UPDATE nightly_close SET finished = clock_timestamp() WHERE race = '" +
        race + "' AND node = " + number_ + " AND token = " + token);
  }

  void execute(const std::string &statement) {
    pqxx::work tx(books_);
    tx.exec(statement);
    tx.commit();
  }

  std::string number_;
  lock_name job_;
  pg_exclusive::client locks_;
  pqxx::connection books_;
};

/// Returns false when it was the last one.
bool obey(node &self, const std::string &line) {
  std::istringstream words(line);
  std::string command;
  std::string argument;
  words >> command >> argument;
  if (command == "long") self.run_long();
  if (command == "short") {
    self.run_short(std::chrono::milliseconds(std::stoi(argument)));
  }
  if (command == "once") self.run_once(argument);
  return command != "quit";
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " NUMBER NAMESPACE/KEY\n";
    return 64;
  }
  try {
    node self(argv[1], lock_name::parse(argv[2]));
    self.say("ready");
    std::string line;
    while (std::getline(std::cin, line) && obey(self, line)) {
    }
    return 0;
  } catch (const std::exception &failure) {
    std::cout << std::string(argv[1]) + " failed " + failure.what() + '\n'
              << std::flush;
    return 1;
  }
}
