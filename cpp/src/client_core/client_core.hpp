// What a client is a handle to.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "acquire/acquire_context.hpp"
#include "acquire/attempt.hpp"
#include "base/callback_thread.hpp"
#include "client_core/heartbeat_thread.hpp"
#include "client_core/transaction_pool.hpp"
#include "pg_exclusive/client_options.hpp"
#include "session/grant.hpp"
#include "session/session_pool.hpp"

namespace pg_exclusive::detail {

class client_core final : public acquire_context,
                          public std::enable_shared_from_this<client_core> {
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
  // Acquires the first of `names`, as many as are free in a row, in one round
  // trip.  Adds holds of them to `to`, also when it throws.
  void acquire_free(std::span<const lock_name> names,
                    const lock_options &options, std::vector<grant_ptr> &to);
  // A hold is destroyed that was not released.
  void destroy(const grant_ptr &held) noexcept;
  // Gives `held` back and tries another lock, in one message if that is
  // possible.
  attempt acquire_next(grant &held, const lock_name &name, lock_mode mode);
  // Takes a lock if it is free and records that a run of `slot` begins.
  // `outcome::already_ran`: it must not.
  attempt acquire_for_run(const lock_name &name, std::string_view slot,
                          const once_options &options);
  // Records how the run ended and gives the lock back.  How it was lost, if it
  // was.
  std::optional<loss_info> end_run(grant &held, std::string_view slot,
                                   bool succeeded);
  // Gives it back.  How it was lost, if it was.
  std::optional<loss_info> release_grant(grant &held) noexcept;
  bool close(std::chrono::milliseconds deadline);
  [[nodiscard]] client_stats stats() const;
  [[nodiscard]] server_facts facts() const;

  // Throws when the client is closed, or this is a forked child.
  void check_usable() const;
  void check_not_forked() const;

  // What sessions tell, see session_context.
  void session_opened(const session_ptr &s, boot_clock::duration took) override;
  void session_failed(const session_ptr &s) override;
  void heartbeat_confirmed(const session &s,
                           boot_clock::duration took) override;
  void extension_appeared() override;
  void read_heartbeat(const session_ptr &s) override;
  bool lost(grant_ptr g, const loss_info &info) override;
  void lost_on_server(grant_ptr g, const loss_info &info) override;
  std::shared_ptr<client_core> self() override { return shared_from_this(); }
  void tell(event_kind kind, const grant &g,
            boot_clock::duration took) const override;

  // The schema of the extension, quoted, as the last session found it.
  [[nodiscard]] std::optional<std::string> extension_schema() const;
  std::atomic<bool> has_extension{false};

  transaction_pool &transactions() { return transactions_; }

  // Around fork(), see fork.cpp.
  void become_child();

 private:
  client_core(std::string conninfo, client_options options);

  [[nodiscard]] server_facts facts_of(PGconn *connection) const;
  bool release_all(const session_ptr &s, const loss_info &info);
  attempt unless_closed(attempt result);

  void post(event what) const;

  std::atomic<bool> closed_{false};
  mutable callback_thread callbacks_;
  std::optional<heartbeat_thread> heartbeats_;
  mutable std::mutex schema_access_;
  std::optional<std::string> schema_;  // under schema_access_
  transaction_pool transactions_;
};

// Every core of this process, for fork().
void remember_for_fork(client_core &c);
void forget_for_fork(client_core &c);

}  // namespace pg_exclusive::detail
