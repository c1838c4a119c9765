// How long a round trip takes, and so how many batches the server can use.
//
// While the server works on one batch it needs the next in its socket, and what
// is on its way cannot be put together with what comes later.  So as many
// batches should be on their way as the server can answer in a round trip: two
// when it is near, a thread's own each when it is far.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "pg_exclusive/clock.hpp"

namespace pg_exclusive::detail {

class trip_time {
 public:
  // About how long a server works on a batch of one.
  static constexpr std::chrono::microseconds work{50};

  // A trip that took `took`.  `alone`: nothing else was on its way, so that
  // the time is the network's and not that of other work.
  void add(boot_clock::duration took, bool alone) {
    if (took < shortest_) {
      shortest_ = took;
    } else if (alone) {
      shortest_ += (took - shortest_) / 16;  // the network may have changed
    }
  }

  // How many batches may be on their way.
  [[nodiscard]] std::size_t room(std::size_t most) const {
    const auto fit = static_cast<std::size_t>(shortest_ / work);
    return std::clamp<std::size_t>(fit, 2, most);
  }

 private:
  boot_clock::duration shortest_ = std::chrono::milliseconds(1);
};

}  // namespace pg_exclusive::detail
