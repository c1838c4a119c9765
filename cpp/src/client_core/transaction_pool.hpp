// The connections that a client runs transactions on.
//
// An idle one was reset when it was given back.  Nobody waits for the answer to
// that: it is read by the next user.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "pg_exclusive/clock.hpp"
#include "protocol/pq.hpp"
#include "session/socket_watcher.hpp"

namespace pg_exclusive::detail {

class client_core;

struct transaction_link {
  std::unique_ptr<socket_watcher::limit> limit;
  pq::connection_ptr connection;
};
using transaction_link_ptr = std::unique_ptr<transaction_link>;

class transaction_pool {
 public:
  static constexpr std::size_t most_idle = 4;

  explicit transaction_pool(client_core &owner) : owner_(owner) {}

  // Each that was taken is given back or ended.
  transaction_link_ptr take_idle();  // null when there is none
  transaction_link_ptr open();
  void give_back(transaction_link_ptr link);
  void end(transaction_link_ptr link);

  // Closes those that are idle; false when others were not ended by then.
  bool close(boot_clock::time_point until);

 private:
  void count(int change);

  client_core &owner_;
  std::mutex access_;
  std::condition_variable ended_;
  std::vector<transaction_link_ptr> idle_;  // under access_
  int used_ = 0;                            // under access_
  bool closed_ = false;                     // under access_
};

}  // namespace pg_exclusive::detail
