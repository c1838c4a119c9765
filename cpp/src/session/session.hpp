// A lock session: one connection, what is held on it, and until when.
//
// The batcher has the connection.  A session that has failed never lives again:
// its lease has ended, and its holders are told by the callback thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fork_guard.hpp"
#include "protocol/pq.hpp"
#include "protocol/protocol.hpp"
#include "protocol/request.hpp"
#include "session/batcher.hpp"
#include "session/grant.hpp"
#include "session/lease.hpp"
#include "session/socket_watcher.hpp"

namespace pg_exclusive::detail {

class session_context;

// What opening a session finds out.
struct opened {
  pq::connection_ptr connection;
  std::shared_ptr<protocol> language;
  std::int64_t nonce = 0;       // a number that only this backend knows
  boot_clock::time_point sent;  // when the last confirmed message was
  bool pooled = false;          // something else answers for the server
  int backend_pid = 0;          // as the server knows it
  // Looks after the socket until the session does.
  std::unique_ptr<socket_watcher::limit> limit;
};

class session : public std::enable_shared_from_this<session> {
 public:
  session(session_context &owner, opened &&made);
  session(const session &) = delete;
  session &operator=(const session &) = delete;
  ~session();

  // Carries out requests in this order, and returns when all are answered.
  void submit(request &only) { submit(only, only); }
  void submit(request &first, request &last);
  // Sends a request at once; its answer is waited for by `finish`.
  void start(request &only, bool last);
  void finish(request &only) { batcher_.finish(only); }

  // Releases a grant on the server.  Returns false when the session does not
  // have it.
  bool unlock(grant &held);

  // For the heartbeat thread, see batcher.
  bool start_heartbeat() { return batcher_.start_heartbeat(); }
  bool read_heartbeat() { return batcher_.read_heartbeat(); }

  // The connection, for one thread as long as this lives, to wait for a lock.
  // Null when it is in use or the session has ended.
  class ownership {
   public:
    explicit ownership(session &s) : session_(s), mine_(s.batcher_.own()) {}
    ownership(const ownership &) = delete;
    ownership &operator=(const ownership &) = delete;
    ~ownership() {
      if (mine_ != nullptr) session_.batcher_.disown();
    }
    explicit operator bool() const { return mine_ != nullptr; }
    [[nodiscard]] PGconn *get() const { return mine_; }

   private:
    session &session_;
    PGconn *const mine_;
  };

  // Ends the session for everybody.  The first reason counts.
  void fail(loss_reason reason, const std::string &detail);
  // Tells the holders of a session that has ended.  On the callback thread.
  void tell_holders();
  // Closes the connection of a session that has ended, if no thread uses it.
  void reap();
  // Reports the loss, if nothing has, and closes the connection.  For the
  // thread that owns it.
  void close_lost();
  // Sets the deadline to `when`, or to when all sessions end.  Returns which.
  boot_clock::time_point end_at(boot_clock::time_point when);
  [[nodiscard]] bool idle() { return batcher_.idle(); }

  [[nodiscard]] bool alive() noexcept { return lease_.alive(); }
  // Like !alive(), but without a look at the clock.
  [[nodiscard]] bool ended() const noexcept { return lease_.ended(); }
  [[nodiscard]] bool failed() const;
  [[nodiscard]] pg_exclusive::detail::lease &lease() noexcept { return lease_; }
  [[nodiscard]] loss_info loss() const;
  // The loss of a lock that this session, alive or not, does not have.
  [[nodiscard]] loss_info gone() const;
  [[nodiscard]] lock_error broken(const std::optional<lock_name> &name) const;

  // The grants that heartbeats ask for.
  void add(grant &held);
  void remove(grant &held);
  [[nodiscard]] std::vector<std::shared_ptr<grant>> grants();

  // How many holds there are or may soon be.
  std::atomic<int> load{0};
  [[nodiscard]] int backend_pid() const noexcept { return backend_pid_; }
  [[nodiscard]] int socket() const noexcept { return socket_; }
  [[nodiscard]] const std::string &role() const noexcept { return role_; }
  [[nodiscard]] const std::string &application_name() const noexcept {
    return application_name_;
  }
  [[nodiscard]] bool has_tokens() const { return language_->has_tokens(); }
  [[nodiscard]] protocol &language() noexcept { return *language_; }
  // When the next heartbeat is due.
  [[nodiscard]] boot_clock::time_point next_beat() const noexcept;
  [[nodiscard]] boot_clock::time_point idle_since() const noexcept;

 private:
  friend class batcher;

  // For the batcher, with its lock held.

  // The server has answered what was sent then.  Returns false when that came
  // too late.
  bool confirm(boot_clock::time_point sent, boot_clock::time_point now);
  // Registers what was granted.  Returns false when the session has ended.
  bool add_granted(request &r, boot_clock::time_point now);
  void count_trip(std::size_t requests);
  [[nodiscard]] std::vector<held_lock> held_locks();
  void heartbeat_sent(boot_clock::time_point now);
  // Puts into `lost` the tokens of locks that are no longer held.
  void heartbeat_answered(PGconn *connection, const PGresult *result,
                          std::span<const held_lock> asked,
                          boot_clock::time_point sent,
                          boot_clock::time_point now,
                          std::vector<std::int64_t> &lost);
  // For the batcher, without its lock.
  void lose(const std::vector<std::int64_t> &tokens);
  void leave_to_heartbeats();

  void close();
  void remove_locked(grant &held);

  session_context &owner_;
  std::shared_ptr<protocol> language_;
  const bool pooled_;
  const std::int64_t nonce_;
  const int backend_pid_;
  const int socket_;
  // A forked child has neither.
  const parents_socket libpqs_;
  const parents_socket ours_;
  const std::string role_;
  const std::string application_name_;
  mutable pg_exclusive::detail::lease lease_;
  // Moments of boot_clock, in nanoseconds.
  std::atomic<std::int64_t> confirmed_;
  std::atomic<std::int64_t> last_beat_;
  std::atomic<std::int64_t> last_grant_;

  std::mutex grants_access_;
  std::vector<grant *> grants_;  // under grants_access_

  mutable std::mutex loss_access_;
  std::optional<loss_info> loss_;  // under loss_access_

  batcher batcher_;
};

}  // namespace pg_exclusive::detail
