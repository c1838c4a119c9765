// What sessions need of the client that they belong to: its options, the times
// that follow from them, its watcher, its counters, and whom to tell.
//
// The client derives from it, so nothing in this folder includes the client.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "pg_exclusive/client_options.hpp"
#include "pg_exclusive/clock.hpp"
#include "session/socket_watcher.hpp"

namespace pg_exclusive::detail {

class grant;
class session;

class session_context {
 public:
  session_context(const session_context &) = delete;
  session_context &operator=(const session_context &) = delete;

  [[nodiscard]] const client_options &options() const { return options_; }
  [[nodiscard]] std::string conninfo() const {
    return options_.conninfo ? options_.conninfo() : conninfo_;
  }

  // After the last message that was confirmed the client gives a lock up after
  // `client_bound`.  The server keeps it for `server_bound`.  The difference is
  // for the code that runs between a check and its effect.
  [[nodiscard]] boot_clock::duration client_bound() const {
    return options_.lease - options_.lease / 30;
  }
  [[nodiscard]] boot_clock::duration server_bound() const {
    return options_.lease;
  }
  [[nodiscard]] boot_clock::duration heartbeat_period() const {
    return options_.lease / 3;
  }
  // How long to wait for a server that should have answered.
  [[nodiscard]] std::chrono::milliseconds patience() const {
    return std::max(options_.lease / 3, std::chrono::milliseconds(1000));
  }

  [[nodiscard]] socket_watcher &watch() const { return watcher_; }
  [[nodiscard]] bool forked() const { return forked_; }

  // Called by sessions, on any thread.  None of them waits.
  virtual void session_opened(const std::shared_ptr<session> &s,
                              boot_clock::duration took) = 0;
  virtual void session_failed(const std::shared_ptr<session> &s) = 0;
  virtual void heartbeat_confirmed(const session &s,
                                   boot_clock::duration took) = 0;
  virtual void extension_appeared() = 0;
  // A heartbeat of `s` is on its way and no caller reads its answer.
  virtual void read_heartbeat(const std::shared_ptr<session> &s) = 0;
  // Ends a hold.  Returns false when it was lost or released before.  Not on
  // the watcher's thread.
  virtual bool lost(std::shared_ptr<grant> g, const loss_info &info) = 0;
  // The server says that a session that lives no longer has this grant.
  virtual void lost_on_server(std::shared_ptr<grant> g,
                              const loss_info &info) = 0;

  struct {
    std::atomic<std::uint64_t> grants{0}, refusals{0}, timeouts{0}, stops{0},
        losses{0}, local_refusals{0}, shared_joins{0}, round_trips{0}, calls{0},
        heartbeats{0}, waits{0}, polled_waits{0}, connects{0};
    std::atomic<std::int64_t> holds{0};
  } counters;

 protected:
  session_context(std::string conninfo, client_options options)
      : conninfo_(std::move(conninfo)), options_(std::move(options)) {}
  ~session_context() = default;

  const std::string conninfo_;
  const client_options options_;
  std::atomic<bool> forked_{false};
  mutable socket_watcher watcher_;
};

}  // namespace pg_exclusive::detail
