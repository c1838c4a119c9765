// Tables of text, aligned by what the terminal shows.
#pragma once

#include <string>
#include <vector>

namespace pg_exclusive::cli {

/// Text that cannot steer a terminal: control characters and broken UTF-8 are
/// shown as \xNN.
[[nodiscard]] std::string printable(const std::string &text);

/// How many columns of the terminal it takes.
[[nodiscard]] int display_width(const std::string &text);

/// Cut or filled with blanks to exactly that many columns; what is cut ends
/// with "…".
[[nodiscard]] std::string fitted(const std::string &text, int width);

/// Makes columns with two blanks between them fit into `width`, if they can.
/// The widest of those that may be cut is cut first, none below `least`.
void fit_columns(std::vector<int> &widths, int width,
                 const std::vector<std::size_t> &may_be_cut, int least);

class text_table {
 public:
  explicit text_table(std::vector<std::string> header);
  void add(std::vector<std::string> row);
  /// Cuts texts of the named columns so that lines fit into `width`.
  void fit(int width, const std::vector<std::size_t> &may_be_cut);
  /// All lines, each with a newline.
  [[nodiscard]] std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<int> widths_;
};

}  // namespace pg_exclusive::cli
