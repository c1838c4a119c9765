#include "base/text_table.hpp"

#include <algorithm>
#include <cwchar>
#include <numeric>

#include "base/utf8.hpp"

namespace pg_exclusive::cli {

namespace {

/// Calls `f(bytes, width)` for each character; width -1: not printable.
template <typename F>
void for_each_character(const std::string &text, const F &f) {
  std::mbstate_t state{};
  std::size_t at = 0;
  while (at < text.size()) {
    wchar_t c = 0;
    std::size_t length =
        std::mbrtowc(&c, text.data() + at, text.size() - at, &state);
    int width = -1;
    if (length == 0 || length > text.size() - at) {
      length = 1;
      state = {};
    } else {
      width = wcwidth(c);
    }
    f(text.substr(at, length), width);
    at += length;
  }
}

/// A text that is longer moves only the rest of its own line.
constexpr int widest_column = 40;

}  // namespace

std::string printable(const std::string &text) {
  std::string result;
  for_each_character(text, [&](const std::string &bytes, int width) {
    if (width >= 0) {
      result += bytes;
      return;
    }
    for (const char byte : bytes) {
      result += escaped(byte);
    }
  });
  return result;
}

int display_width(const std::string &text) {
  int total = 0;
  for_each_character(text, [&](const std::string &, int width) {
    total += std::max(width, 0);
  });
  return total;
}

/// What stands for the rest of a text: "…", or "~" where the locale does not
/// have it.
const std::string &ellipsis() {
  static const std::string text = display_width("…") == 1 ? "…" : "~";
  return text;
}

std::string fitted(const std::string &text, int width) {
  if (display_width(text) <= width) {
    return text + std::string(width - display_width(text), ' ');
  }
  std::string result;
  int used = 0;
  bool full = false;
  for_each_character(text, [&](const std::string &bytes, int w) {
    full = full || used + w > width - 1;
    if (!full) {
      result += bytes;
      used += std::max(w, 0);
    }
  });
  if (width > 0) {
    result += ellipsis();
    ++used;
  }
  return result + std::string(std::max(width - used, 0), ' ');
}

void fit_columns(std::vector<int> &widths, int width,
                 const std::vector<std::size_t> &may_be_cut, int least) {
  const int gaps = 2 * static_cast<int>(widths.size() - 1);
  int missing = std::accumulate(widths.begin(), widths.end(), gaps) - width;
  while (missing > 0) {
    const auto widest = *std::max_element(
        may_be_cut.begin(), may_be_cut.end(),
        [&](std::size_t a, std::size_t b) { return widths[a] < widths[b]; });
    if (widths[widest] <= least) {
      return;
    }
    --widths[widest];
    --missing;
  }
}

text_table::text_table(std::vector<std::string> header)
    : widths_(header.size()) {
  add(std::move(header));
}

void text_table::add(std::vector<std::string> row) {
  for (std::size_t i = 0; i < widths_.size(); ++i) {
    row[i] = printable(row[i]);
    const int width = display_width(row[i]);
    if (width <= widest_column) {
      widths_[i] = std::max(widths_[i], width);
    }
  }
  rows_.push_back(std::move(row));
}

void text_table::fit(int width, const std::vector<std::size_t> &may_be_cut) {
  fit_columns(widths_, width, may_be_cut, 8);
  for (auto &row : rows_) {
    for (const std::size_t i : may_be_cut) {
      row[i] = fitted(row[i], std::min(widths_[i], display_width(row[i])));
    }
  }
}

std::string text_table::str() const {
  std::string result;
  for (const auto &row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i > 0 ? "  " : "") +
              fitted(row[i], std::max(widths_[i], display_width(row[i])));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

}  // namespace pg_exclusive::cli
