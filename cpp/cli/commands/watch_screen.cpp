#include "commands/watch_screen.hpp"

#include <ncurses.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "base/exit_codes.hpp"
#include "base/text_table.hpp"
#include "commands/looker.hpp"
#include "commands/terminal_type.hpp"
#include "db/tool_error.hpp"

namespace pg_exclusive::cli {

namespace {

using clock = std::chrono::steady_clock;

enum color : short { waiter_color = 1, contended_color, error_color };

/// A signal that ends us, once the terminal is as it was.
volatile std::sig_atomic_t end_signal = 0;

extern "C" void note_end_signal(int number) { end_signal = number; }

/// https://no-color.org
bool color_wanted() {
  const char *no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

/// Takes the terminal as long as it lives.
class terminal {
 public:
  terminal() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction action {};
      action.sa_handler = note_end_signal;  // interrupts getch()
      sigaction(number, &action, nullptr);
    }
    screen_ = newterm(nullptr, stdout, stdin);
    if (screen_ == nullptr) {
      throw unknown_terminal();
    }
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    if (has_colors() && color_wanted()) {
      start_color();
      use_default_colors();
      init_pair(waiter_color, COLOR_CYAN, -1);
      init_pair(contended_color, COLOR_YELLOW, -1);
      init_pair(error_color, COLOR_RED, -1);
    }
  }
  terminal(const terminal &) = delete;
  terminal &operator=(const terminal &) = delete;
  ~terminal() {
    endwin();
    delscreen(screen_);
  }

 private:
  SCREEN *screen_;
};

class watch_screen {
 public:
  watch_screen(const watch_options &wanted, const lock_snapshot &first,
               looker &looks)
      : wanted_{wanted}, looks_{looks}, locks_{first} {
    count_look();
  }

  void run() {
    while (!done_ && end_signal == 0) {
      draw();
      timeout(static_cast<int>(time_to_wait().count()));
      const int key = getch();
      if (key != ERR) {
        on_key(key);
      }
      take_answer();
      if (!paused_ && !looks_.busy() && clock::now() >= next_look_) {
        looks_.start();
      }
    }
  }

 private:
  /// Until a key, the next look, or a glance at a look that is under way.
  [[nodiscard]] std::chrono::milliseconds time_to_wait() const {
    using namespace std::chrono_literals;
    if (looks_.busy()) {
      return 20ms;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        next_look_ - clock::now());
    return paused_ ? 1000ms : std::max(left, 0ms);
  }

  void take_answer() {
    auto answer = looks_.take();
    if (!answer) {
      return;
    }
    if (answer->locks) {
      locks_ = std::move(*answer->locks);
    }
    error_ = answer->error.substr(0, answer->error.find('\n'));
    count_look();
  }

  void count_look() {
    ++count_;
    done_ = done_ || count_ == wanted_.count;
    next_look_ = clock::now() +
                 std::chrono::duration_cast<clock::duration>(wanted_.interval);
  }

  void on_key(int key) {
    if (typing_filter_) {
      on_filter_key(key);
      return;
    }
    switch (key) {
      case 'q':
      case 'Q':
        done_ = true;
        break;
      case 'n':
        settings_.order = sort_by::name;
        break;
      case 't':
        settings_.order = sort_by::time;
        break;
      case 'w':
        settings_.order = sort_by::waiters;
        break;
      case 'r':
        settings_.reverse = !settings_.reverse;
        break;
      case ' ':
        paused_ = !paused_;
        break;
      case '/':
        typing_filter_ = true;
        break;
      case 27:  // Esc
        settings_.filter.clear();
        break;
      default:
        on_scroll_key(key);
    }
  }

  void on_filter_key(int key) {
    if (key == '\n' || key == KEY_ENTER) {
      typing_filter_ = false;
    } else if (key == 27) {
      typing_filter_ = false;
      settings_.filter.clear();
    } else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
      auto &text = settings_.filter;
      // A whole character, though it may be several bytes.
      while (!text.empty() && (text.back() & 0xC0) == 0x80) {
        text.pop_back();
      }
      if (!text.empty()) {
        text.pop_back();
      }
    } else if (key >= ' ' && key < 256) {
      settings_.filter += static_cast<char>(key);
    }
    first_ = 0;
  }

  void on_scroll_key(int key) {
    const int page = std::max(LINES - 5, 1);
    switch (key) {
      case KEY_UP:
      case 'k':
        --first_;
        break;
      case KEY_DOWN:
      case 'j':
        ++first_;
        break;
      case KEY_PPAGE:
        first_ -= page;
        break;
      case KEY_NPAGE:
        first_ += page;
        break;
      case KEY_HOME:
        first_ = 0;
        break;
      case KEY_END:
        first_ = 1 << 20;
        break;
      default:
        break;  // KEY_RESIZE: drawn again anyway
    }
  }

  void put(int row, attr_t attributes, const std::string &text) const {
    attrset(attributes);
    mvaddstr(row, 0, fitted(text, COLS).c_str());
    attrset(A_NORMAL);
  }

  void draw() {
    erase();
    draw_title();
    const auto rows = watch_rows(locks_, settings_);
    const watch_layout layout{rows, COLS};
    const int count = static_cast<int>(rows.size());
    const int room = std::max(LINES - 4, 0);
    first_ = std::clamp(first_, 0, std::max(count - room, 0));
    put(2, A_BOLD | A_UNDERLINE, layout.line(watch_header()));
    for (int i = 0; i < room && first_ + i < count; ++i) {
      const watch_row &row = rows[first_ + i];
      put(3 + i, attributes_of(row.kind), layout.line(row.cells));
    }
    if (rows.empty()) {
      put(4, A_DIM,
          settings_.filter.empty() ? "  No lock is held."
                                   : "  Nothing matches the filter.");
    }
    draw_foot(count, room);
    refresh();
  }

  void draw_title() const {
    const std::string left = " pg_exclusive  " + locks_.database;
    const std::string right = locks_.time + " ";
    put(0, A_REVERSE,
        fitted(left, std::max(COLS - display_width(right), 0)) + right);
    if (!error_.empty()) {
      put(1, COLOR_PAIR(error_color) | A_BOLD, " " + error_ + "; trying again");
      return;
    }
    static constexpr std::array orders{"name", "time", "waiters"};
    put(1, A_NORMAL,
        " " + watch_summary(locks_) + "   sorted by " +
            orders.at(static_cast<std::size_t>(settings_.order)) +
            (settings_.reverse ? ", reversed" : "") +
            (settings_.filter.empty() ? "" : "   filter: " + settings_.filter) +
            (paused_ ? "   PAUSED" : ""));
  }

  void draw_foot(int lines, int room) const {
    if (typing_filter_) {
      put(LINES - 1, A_REVERSE,
          " Filter: " + printable(settings_.filter) +
              "_   (Enter keeps it, Esc removes it)");
      return;
    }
    std::string shown;
    if (lines > room) {
      shown = " " + std::to_string(first_ + 1) + "-" +
              std::to_string(std::min(first_ + room, lines)) + "/" +
              std::to_string(lines);
    }
    put(LINES - 1, A_REVERSE,
        fitted(" q quit  n name  t time  w waiters  r reverse  / filter"
               "  space pause",
               std::max(COLS - display_width(shown), 0)) +
            shown);
  }

  static attr_t attributes_of(line_kind kind) {
    switch (kind) {
      case line_kind::waiter:
        return COLOR_PAIR(waiter_color);
      case line_kind::contended_holder:
        return COLOR_PAIR(contended_color) | A_BOLD;
      default:
        return A_NORMAL;
    }
  }

  const watch_options &wanted_;
  looker &looks_;
  lock_snapshot locks_;
  watch_settings settings_;
  std::string error_;
  clock::time_point next_look_;
  int first_ = 0;
  int count_ = 0;
  bool paused_ = false;
  bool typing_filter_ = false;
  bool done_ = false;
};

}  // namespace

void watch_on_screen(const watch_options &wanted, const lock_snapshot &first,
                     const look &take) {
  // Never destroyed: its thread may be waiting for a server that is silent.
  auto *looks = new looker{take};
  {
    const terminal ours;
    watch_screen{wanted, first, *looks}.run();
  }
  if (end_signal != 0 && end_signal != SIGINT) {
    (void)std::signal(end_signal, SIG_DFL);
    (void)raise(end_signal);
  }
  _exit(exit_ok);
}

}  // namespace pg_exclusive::cli
