// A table as a bar chart: the median as a bar, the range as a line across it.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "report.hpp"

namespace bench {
namespace {

constexpr int label_width = 380;
constexpr int bar_width = 420;
constexpr int row_height = 26;
constexpr int top = 34;

std::string escaped(const std::string &text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else {
      safe += c;
    }
  }
  return safe;
}

// Logarithmic when small values would vanish beside large ones.
struct scale {
  double least = 0, most = 0;
  bool logarithmic = false;

  explicit scale(const contest &table) {
    double lowest = INFINITY;
    for (const std::string &name : table.names()) {
      most = std::max(most, table.value(name).most);
      lowest = std::min(lowest, table.value(name).least);
    }
    logarithmic = lowest > 0 && most / lowest > 30;
    if (logarithmic) least = std::log10(lowest) - 0.3;
  }

  [[nodiscard]] double x(double value) const {
    if (most <= 0 || value <= 0) return 0;
    if (!logarithmic) return bar_width * value / most;
    return bar_width * (std::log10(value) - least) / (std::log10(most) - least);
  }
};

void draw_row(std::ostream &out, int y, const std::string &name,
              const spread &found, const scale &to) {
  const int middle = y + row_height / 2;
  const double end = to.x(found.median);
  out << "<text x='" << label_width - 8 << "' y='" << middle + 4
      << "' text-anchor='end'>" << escaped(name) << "</text>\n"
      << "<rect x='" << label_width << "' y='" << y + 5 << "' width='" << end
      << "' height='" << row_height - 10 << "' fill='#6b9ac4'/>\n"
      << "<path d='M" << label_width + to.x(found.least) << ' ' << middle << "H"
      << label_width + to.x(found.most)
      << "' stroke='#222' stroke-width='1.5'/>\n"
      << "<text x='" << label_width + bar_width + 8 << "' y='" << middle + 4
      << "'>" << figure(found.median) << "</text>\n";
}

}  // namespace

std::string plot(const contest &table) {
  std::ostringstream out;
  const scale to(table);
  const auto names = table.names();
  const int height = top + row_height * static_cast<int>(names.size()) + 8;
  const int width = label_width + bar_width + 80;
  out << "<svg xmlns='http://www.w3.org/2000/svg' width='" << width
      << "' height='" << height
      << "' font-family='sans-serif' font-size='12'>\n"
      << "<rect width='100%' height='100%' fill='white'/>\n"
      << "<text x='8' y='20' font-size='14'>" << escaped(table.title()) << " ("
      << escaped(table.unit()) << (to.logarithmic ? ", logarithmic" : "")
      << ")</text>\n";
  int y = top;
  for (const std::string &name : names) {
    draw_row(out, y, name, table.value(name), to);
    y += row_height;
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace bench
