// What a process has said before its end must be heard, also when it left
// something unread itself: the kernel then tells of a reset first.
#include "process/channel.hpp"

int main() {
  using namespace pg_exclusive::cli;  // NOLINT(google-build-using-namespace)
  auto [ours, theirs] = channel::make_pair();
  theirs.send({.kind = packet_kind::ended, .value = 5});
  ours.send({.kind = packet_kind::started});
  theirs.close();
  const auto last = ours.receive();
  return last && last->what.value == 5 && !ours.receive() ? 0 : 1;
}
