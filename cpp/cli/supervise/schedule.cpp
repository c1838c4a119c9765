#include "supervise/schedule.hpp"

#include <unistd.h>

#include "process/signals.hpp"

namespace pg_exclusive::cli {

void signal_forwarder::forward(const unique_fd &command, int number) noexcept {
  using namespace std::chrono_literals;
  auto &last = state_.forwarded.at(static_cast<std::size_t>(number));
  const auto now = boot_clock::now().time_since_epoch();
  const bool other_did = last.by != 0 && last.by != getpid() &&
                         now - std::chrono::nanoseconds{last.at} < 500ms;
  if (other_did) {
    last.by = 0;
    return;
  }
  last.at = now.count();
  last.by = getpid();
  send_signal(command, number);
}

}  // namespace pg_exclusive::cli
