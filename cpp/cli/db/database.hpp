// A session for questions. Locks are taken by the client library.
//
// Each question ends within the time that connecting may take. A server that
// has stopped answering is an error with the exit code 69. Nothing that the
// server says on its own (notices, warnings at login) is printed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "db/tool_error.hpp"
#include "options/options.hpp"
#include "protocol/pq.hpp"

namespace pg_exclusive::cli {

/// The rows of one statement. Texts are valid UTF-8, whatever the server sent.
class rows {
 public:
  rows() = default;
  explicit rows(pq::result_ptr from) : result_{std::move(from)} {}

  [[nodiscard]] int size() const { return PQntuples(result_.get()); }
  [[nodiscard]] int columns() const { return PQnfields(result_.get()); }
  [[nodiscard]] std::string name(int column) const {
    return PQfname(result_.get(), column);
  }
  [[nodiscard]] bool is_null(int row, int column) const {
    return pq::is_null(result_.get(), row, column);
  }
  /// Empty for null.
  [[nodiscard]] std::string text(int row, int column) const;
  /// 0 for null.
  [[nodiscard]] long long number(int row, int column) const;

 private:
  pq::result_ptr result_;
};

class database {
 public:
  /// @throws tool_error
  explicit database(const connection_options &from);
  explicit database(const std::string &conninfo);

  /// Runs statements, separated by semicolons, in one round trip. Returns the
  /// rows of each. @throws tool_error
  std::vector<rows> ask_all(const std::string &statements);
  /// Runs one statement. @throws tool_error
  rows ask(const std::string &statement);

  /// The extension's schema and a dot, to be put before its objects. Looked up
  /// once. @throws tool_error when the extension is not installed.
  [[nodiscard]] const std::string &schema();
  /// A literal for a statement.
  [[nodiscard]] std::string quote(const std::string &text);

 private:
  void wait_for_answer();

  std::chrono::milliseconds patience_{};  ///< what connecting may take
  pq::connection_ptr connection_;
  std::string schema_;
};

}  // namespace pg_exclusive::cli
