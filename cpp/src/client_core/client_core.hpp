// What a client is a handle to.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "acquire/local_queue.hpp"
#include "base/callback_thread.hpp"
#include "client_core/heartbeat_thread.hpp"
#include "client_core/transaction_pool.hpp"
#include "pg_exclusive/client_options.hpp"
#include "pg_exclusive/result.hpp"
#include "protocol/request.hpp"
#include "session/grant.hpp"
#include "session/session_pool.hpp"
#include "session/socket_watcher.hpp"

namespace pg_exclusive::detail {

using grant_ptr = std::shared_ptr<grant>;
// A grant, or who has the lock.
using attempt = result<grant_ptr>;

class client_core : public std::enable_shared_from_this<client_core> {
 public:
  static std::shared_ptr<client_core> make(std::string conninfo,
                                           client_options options);
  client_core(const client_core &) = delete;
  client_core &operator=(const client_core &) = delete;
  ~client_core();

  // Takes a lock, or one of so many permits.  `bound`: the thread that asks is
  // the one that gives it back.
  attempt acquire(const lock_name &name, const lock_options &options,
                  bool bound, int permits = 0);
  // Gives `held` back and tries another lock, in one message if that is
  // possible.
  attempt acquire_next(grant &held, const lock_name &name, lock_mode mode);
  // Gives it back.  How it was lost, if it was.
  std::optional<loss_info> release_grant(grant &held) noexcept;
  // Only on the server.  False: the session does not have it.
  bool unlock_on_server(grant &held) noexcept;

  bool close(std::chrono::milliseconds deadline);
  [[nodiscard]] client_stats stats() const;
  [[nodiscard]] server_facts facts() const;

  [[nodiscard]] std::string conninfo() const;
  [[nodiscard]] const client_options &options() const { return options_; }
  // Throws when the client is closed, or this is a forked child.
  void check_usable() const;
  void check_not_forked() const;
  [[nodiscard]] lock_error closed_error() const;

  // After what was confirmed last we give up after this, and the server not
  // before that.  The difference is for what runs between check and effect.
  [[nodiscard]] boot_clock::duration client_bound() const {
    return options_.lease - options_.lease / 30;
  }
  [[nodiscard]] boot_clock::duration server_bound() const {
    return options_.lease;
  }
  [[nodiscard]] boot_clock::duration heartbeat_period() const {
    return options_.lease / 3;
  }

  // Are locks leases, which no session holds?
  [[nodiscard]] bool leases() const {
    return options_.pooler == pooler_policy::transaction ||
           options_.hold_as == hold_kind::lease;
  }
  // Leases need no more than one connection.
  [[nodiscard]] int max_sessions() const {
    return leases() ? 1 : options_.max_sessions;
  }

  // How long we wait for a server that should have answered.
  [[nodiscard]] std::chrono::milliseconds patience() const {
    return std::max(options_.lease / 3, std::chrono::milliseconds(1000));
  }

  // What sessions tell.
  void session_opened(const session_ptr &s, boot_clock::duration took);
  void session_failed(const session_ptr &s);
  // False: it was lost or released before.
  bool lost(grant_ptr g, const loss_info &info);
  void heartbeat_confirmed(const session &s, boot_clock::duration took);
  void extension_appeared();
  void yield_requested(grant_ptr g);
  void wake_heartbeats();
  void tell_granted(const grant &g, boot_clock::duration took) const;
  void tell(event what) const;

  [[nodiscard]] socket_watcher &watch() const { return watcher_; }
  session_pool &sessions() { return sessions_; }
  transaction_pool &transactions() { return transactions_; }
  wait_graph &graph() { return graph_; }
  local_queue_ptr queue_of(const lock_name &name, int permits) {
    return permits > 0 ? permit_queues_.at(name) : queues_.at(name);
  }
  // Asks for a stop when the client is closed.
  [[nodiscard]] std::stop_token closing() const { return closing_.get_token(); }
  std::atomic<bool> has_extension{false};

  struct {
    std::atomic<std::uint64_t> grants{0}, refusals{0}, timeouts{0}, stops{0},
        losses{0}, local_refusals{0}, shared_joins{0}, round_trips{0}, calls{0},
        heartbeats{0}, waits{0}, polled_waits{0}, connects{0};
    std::atomic<std::int64_t> holds{0};
  } counters;

  // Around fork(), see fork.cpp.
  [[nodiscard]] bool forked() const { return forked_; }
  void become_child();

 private:
  client_core(std::string conninfo, client_options options);

  [[nodiscard]] server_facts facts_of(PGconn *connection) const;
  bool release_all(const session_ptr &s, const loss_info &info);
  attempt unless_closed(attempt result);

  const std::string conninfo_;
  const client_options options_;
  std::atomic<bool> forked_{false};
  std::atomic<bool> closed_{false};
  std::stop_source closing_;
  local_queues queues_;
  local_queues permit_queues_;
  wait_graph graph_;
  mutable callback_thread callbacks_;
  mutable socket_watcher watcher_;
  session_pool sessions_;
  std::optional<heartbeat_thread> heartbeats_;
  transaction_pool transactions_;
};

// Every core of this process, for fork().
void remember_for_fork(client_core &c);
void forget_for_fork(client_core &c);

}  // namespace pg_exclusive::detail
