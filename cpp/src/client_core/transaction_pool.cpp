#include "client_core/transaction_pool.hpp"

#include <poll.h>

#include <string_view>
#include <utility>

#include "client_core/client_core.hpp"
#include "protocol/connect.hpp"
#include "session/open_session.hpp"

namespace pg_exclusive::detail {
namespace {

// Was the reset good, and is nothing else there?  What a server says to an idle
// connection is that it ends it.
bool usable(const transaction_link &link) {
  PGconn *connection = link.connection.get();
  const auto answer = pq::take_result(connection);
  if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) return false;
  pollfd more{PQsocket(connection), POLLIN, 0};
  return poll(&more, 1, 0) == 0;
}

void ignore_notice(void * /*nobody*/, const char * /*text*/) {}

}  // namespace

void transaction_pool::count(int change) {
  const std::lock_guard guard(access_);
  used_ += change;
  ended_.notify_all();
}

transaction_link_ptr transaction_pool::take_idle() {
  for (;;) {
    transaction_link_ptr link;
    {
      const std::lock_guard guard(access_);
      if (idle_.empty()) return nullptr;
      link = std::move(idle_.back());
      idle_.pop_back();
    }
    link->limit->set(boot_clock::now() + owner_.patience());
    if (usable(*link)) {
      count(1);
      return link;
    }
    if (!link->limit->reached()) continue;
    // The server is silent, so the others are no better.
    const std::lock_guard guard(access_);
    idle_.clear();
  }
}

transaction_link_ptr transaction_pool::open() {
  const std::string conninfo = owner_.conninfo();
  const auto &options = owner_.options();
  auto made = pq::first_that_works(
      conninfo, options.connect_timeout, [&](const pq::attempt &now) {
        auto link = std::make_unique<transaction_link>();
        link->limit = std::make_unique<socket_watcher::limit>(owner_.watch());
        link->limit->set(now.deadline);
        link->connection =
            pq::connect(conninfo, {link_settings(options), {}}, now,
                        [&](int socket) { link->limit->watch(socket); });
        const char *standby =
            PQparameterStatus(link->connection.get(), "in_hot_standby");
        if (standby != nullptr && std::string_view(standby) == "on") {
          throw standby_error();
        }
        return link;
      });
  count(1);
  return made;
}

// What the transaction left in the session is not for the next one.
void transaction_pool::give_back(transaction_link_ptr link) {
  PGconn *connection = link->connection.get();
  PQsetNoticeProcessor(connection, ignore_notice, nullptr);
  if (PQtransactionStatus(connection) == PQTRANS_IDLE &&
      PQsendQuery(connection, "DISCARD ALL") == 1) {
    link->limit->lift();
    const std::lock_guard guard(access_);
    if (!closed_ && idle_.size() < most_idle) idle_.push_back(std::move(link));
  }
  end(std::move(link));
}

void transaction_pool::end(transaction_link_ptr link) {
  link.reset();
  count(-1);
}

bool transaction_pool::close(boot_clock::time_point until) {
  std::unique_lock lock(access_);
  closed_ = true;
  idle_.clear();
  return ended_.wait_for(lock, until - boot_clock::now(),
                         [this] { return used_ == 0; });
}

}  // namespace pg_exclusive::detail
