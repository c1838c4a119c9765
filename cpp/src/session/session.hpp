// A lock session: one connection, and what is held on it.
//
// Who may touch the connection: the thread that made `busy_` true, until it
// makes it false or passes it on (batcher.cpp).  Nobody waits for a lock with
// `access_` held, and nobody talks to the server under it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/fork_guard.hpp"
#include "protocol/pq.hpp"
#include "protocol/protocol.hpp"
#include "protocol/request.hpp"
#include "session/grant.hpp"
#include "session/lease.hpp"
#include "session/socket_watcher.hpp"

namespace pg_exclusive::detail {

class client_core;

// What opening a session finds out.
struct opened {
  pq::connection_ptr connection;
  std::shared_ptr<protocol> language;
  std::int64_t nonce = 0;
  boot_clock::time_point sent;  // when the last confirmed message was
  bool pooled = false;          // something else answers for the server
  int backend_pid = 0;          // as the server knows it
  // Looks after the socket until the session does.
  std::unique_ptr<socket_watcher::limit> limit;
};

class session : public std::enable_shared_from_this<session> {
 public:
  // How many calls travel together at most.
  static constexpr std::size_t max_batch = 128;
  // So many threads take about a round trip to have a turn each, on one core.
  static constexpr std::size_t crowd = 16;

  session(client_core &owner, opened &&made);
  session(const session &) = delete;
  session &operator=(const session &) = delete;
  ~session();

  // Carries out `c`, alone or together with what others ask; blocks.
  void submit(request &c) { submit(&c, c); }
  // The same of two, in this order.
  void submit(request &first, request &second) {
    first.next = &second;
    first.awaited = &second;
    submit(&first, second);
  }

  // The heartbeat, in two steps, for a thread that serves many sessions.
  // True: it is on its way, call `carry_on` when the socket is readable.
  // False: whoever has the session now will see to it.
  bool start_heartbeat();
  // True: there is more to come.
  bool carry_on();

  // The connection, for a thread of its own, as long as this lives: for waits.
  // Null when somebody has it or the session is dead.
  class ownership {
   public:
    explicit ownership(session &s) : session_(s.own() ? &s : nullptr) {}
    ownership(const ownership &) = delete;
    ownership &operator=(const ownership &) = delete;
    ~ownership() {
      if (session_ != nullptr) session_->disown();
    }
    explicit operator bool() const { return session_ != nullptr; }
    [[nodiscard]] PGconn *get() const { return session_->connection_.get(); }

   private:
    session *session_;
  };

  // Ends the session for everybody; the first reason counts.
  void fail(loss_reason reason, const std::string &detail);
  // The connection broke.  That ends a session, but not its leases: it connects
  // again before it sends anything.
  void disconnected(loss_reason reason, const std::string &detail);
  // When what is on its way must be answered, where there is such a limit.
  [[nodiscard]] boot_clock::time_point answer_due() const noexcept {
    return boot_clock::time_point(boot_clock::duration(answer_due_.load()));
  }
  // Tells the holders of a dead session.  For the notifier.
  void tell_holders();
  // Closes the connection of a dead session, if nobody has it.
  void reap();
  // The lease now ends then, or when all sessions do.  Gives which.
  boot_clock::time_point end_at(boot_clock::time_point when);
  // Has nobody the connection?
  [[nodiscard]] bool idle();

  [[nodiscard]] bool alive() noexcept { return lease_.alive(); }
  [[nodiscard]] bool failed() const;
  [[nodiscard]] pg_exclusive::detail::lease &lease() noexcept { return lease_; }
  [[nodiscard]] loss_info loss() const;
  // The loss of a lock that this session, alive or not, does not have.
  [[nodiscard]] loss_info gone() const;
  [[nodiscard]] lock_error broken(const std::optional<lock_name> &name) const;

  void add(grant &held);
  void remove(grant &held);
  [[nodiscard]] std::vector<std::shared_ptr<grant>> grants();

  // How many holds there are or may soon be.
  std::atomic<int> load{0};
  [[nodiscard]] int backend_pid() const noexcept {
    return leases_ ? 0 : backend_pid_;
  }
  [[nodiscard]] int socket() const noexcept { return socket_; }
  [[nodiscard]] const std::string &role() const noexcept { return role_; }
  [[nodiscard]] const std::string &application_name() const noexcept {
    return application_name_;
  }
  [[nodiscard]] bool has_tokens() const { return protocol_->has_tokens(); }
  [[nodiscard]] protocol &language() noexcept { return *protocol_; }
  // When the next heartbeat is due.
  [[nodiscard]] boot_clock::time_point next_beat() const noexcept;
  [[nodiscard]] boot_clock::time_point idle_since() const noexcept;

 private:
  enum class bound_for { nowhere, server, heartbeat, the_end };

  // What is on its way.
  struct flight {
    std::array<request *, max_batch> calls;
    std::size_t size = 0;
    bool heartbeat = false;
    bool sent = false;
    std::vector<held_lock> held;
    boot_clock::time_point at;      // before it was sent
    boot_clock::time_point landed;  // after the answer was read, if it was good
  };

  bool own();
  void disown();
  void lead(const request &mine);
  void hand_over();
  // Our prepared statements are gone: DISCARD ALL, or another backend.
  static bool forgets_us(const lock_error &error);
  static bool cancelled(const lock_error &error);
  static bool is_wrong_shape(const lock_error &error);
  void land();
  void land_calls(std::span<request *const> calls);
  void land_statement(request &c);
  void land_heartbeat();
  bool reconnect();
  void beat_again();
  void fail_heartbeat(const lock_error &error);
  void answer_lost(request &c) const;
  void pass_on_requests(const std::vector<std::int64_t> &tokens);
  // The server has confirmed what is on its way.  False: that was too late.
  bool confirm();
  void settle(std::span<request *const> landed, bool in_time);
  bound_for take_off(std::span<request *const> landed);
  bound_for board_next(std::span<request *const> landed, request *&stranded);
  bound_for set_off(bound_for next, request *stranded);
  void board();
  void board_heartbeat();
  void send();
  void fail_queue(request *first);
  void give_up(request &c);
  static void give_up(request &c, const lock_error &why);
  void lose(const std::vector<std::int64_t> &tokens);
  void close();
  void close_lost();
  void submit(request *first, request &last);
  void push(request *first, request &last);
  request *pop();
  void remove_locked(grant &held);

  client_core &owner_;
  pq::connection_ptr connection_;
  std::shared_ptr<protocol> protocol_;
  const bool leases_;
  const bool pooled_;
  const std::int64_t nonce_;
  const int backend_pid_;
  const int socket_;
  // A forked child has neither.
  std::unique_ptr<const parents_socket> libpqs_;
  std::unique_ptr<const parents_socket> ours_;
  const std::string role_;
  const std::string application_name_;
  mutable pg_exclusive::detail::lease lease_;
  std::atomic<std::int64_t> confirmed_;   // boot_clock, nanoseconds
  std::atomic<std::int64_t> last_beat_;   // boot_clock, nanoseconds
  std::atomic<std::int64_t> last_grant_;  // boot_clock, nanoseconds

  // Of a session with leases.
  std::atomic<bool> broken_{false};  // it has to connect again
  std::string broken_by_;            // of whom busy_ is true for
  std::atomic<std::int64_t> answer_due_{INT64_MAX};  // boot_clock, nanoseconds

  std::mutex access_;
  bool busy_ = false;              // under access_
  bool heartbeat_wanted_ = false;  // under access_
  request *first_ = nullptr;       // under access_: the queue
  request *last_ = nullptr;        // under access_
  std::size_t queued_ = 0;         // under access_: threads in the queue
  std::vector<grant *> grants_;    // under access_
  flight flight_;                  // of whom busy_ is true for

  mutable std::mutex loss_access_;
  std::optional<loss_info> loss_;  // under loss_access_
};

}  // namespace pg_exclusive::detail
