#include "db/password.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace pg_exclusive::cli {

namespace {

/// No echo as long as it lives.
class silent_terminal {
 public:
  explicit silent_terminal(int fd) : fd_{fd} {
    if (tcgetattr(fd_, &found_) == 0) {
      termios silent = found_;
      silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      changed_ = tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
    }
  }
  silent_terminal(const silent_terminal &) = delete;
  silent_terminal &operator=(const silent_terminal &) = delete;
  ~silent_terminal() {
    if (changed_) {
      tcsetattr(fd_, TCSAFLUSH, &found_);
    }
  }

 private:
  int fd_;
  termios found_{};
  bool changed_ = false;
};

void write_text(int fd, const std::string &text) {
  [[maybe_unused]] const auto written = write(fd, text.data(), text.size());
}

}  // namespace

std::string ask_password() {
  const unique_fd terminal{open("/dev/tty", O_RDWR | O_CLOEXEC)};
  if (!terminal) {
    return {};
  }
  std::string password;
  {
    // Silent before it asks: who types at once would be seen, and not heard.
    const silent_terminal silent{terminal.get()};
    write_text(terminal.get(), "Password: ");
    for (char c = 0; read(terminal.get(), &c, 1) == 1 && c != '\n';) {
      password += c;
    }
  }
  write_text(terminal.get(), "\n");
  return password;
}

}  // namespace pg_exclusive::cli
