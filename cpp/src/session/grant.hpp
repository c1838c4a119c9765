// A hold as the library sees it.
//
// `session_` and what identifies the grant are set before the grant is
// registered with its session, and constant from then on; `state_` is atomic;
// the rest is under `access_`.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"
#include "protocol/request.hpp"

namespace pg_exclusive::detail {

class client_core;
class release_group;
class session;
struct local_queue;

class grant : public std::enable_shared_from_this<grant> {
 public:
  grant(std::shared_ptr<client_core> owner, std::shared_ptr<local_queue> where,
        const lock_name &name, lock_mode mode);
  grant(const grant &) = delete;
  grant &operator=(const grant &) = delete;
  ~grant();

  // The server's answer to a take.
  void granted(std::int64_t token) noexcept { token_ = token; }
  void attach(std::shared_ptr<session> session) noexcept;

  [[nodiscard]] bool held() const noexcept;
  [[nodiscard]] std::stop_token lost();
  [[nodiscard]] std::optional<loss_info> loss() const;

  // Ends belief at once.  True for the first who says so, while it was held.
  bool mark_lost(const loss_info &info);
  // The notification.  Never under a lock: the callbacks are the user's.
  void tell_lost();
  // No longer ours by our own will.  False when it was lost before.
  bool mark_released() noexcept;

  [[nodiscard]] const lock_name &name() const noexcept { return name_; }
  [[nodiscard]] lock_mode mode() const noexcept { return mode_; }
  [[nodiscard]] std::int64_t token() const noexcept { return token_; }
  [[nodiscard]] session &on() const noexcept { return *session_; }
  [[nodiscard]] const std::shared_ptr<session> &shared_session()
      const noexcept {
    return session_;
  }
  [[nodiscard]] client_core &owner() const noexcept { return *owner_; }
  [[nodiscard]] const std::shared_ptr<client_core> &shared_owner()
      const noexcept {
    return owner_;
  }

  // Where it is in its session's list; under the session's lock.
  std::size_t index = SIZE_MAX;
  // Where the threads of this process meet for it.
  const std::shared_ptr<local_queue> at;
  // The grants that were acquired together with it, if any.
  std::shared_ptr<release_group> group;
  // The thread that took it and will give it back, where that is so.
  std::optional<std::thread::id> bound_to;
  boot_clock::time_point since;
  // By its hold; of who has exclusive access to that.
  bool released = false;

 private:
  enum state { held_, lost_, released_ };

  std::shared_ptr<client_core> owner_;
  std::shared_ptr<session> session_;
  const lock_name &name_;  // of the local queue
  const lock_mode mode_;
  std::int64_t token_ = 0;
  std::atomic<state> state_{held_};

  mutable std::mutex access_;
  std::optional<std::stop_source> stop_;
  std::optional<loss_info> loss_;
};

// Releases `leaving` on the server.
struct unlock_request : request {
  explicit unlock_request(grant &leaving);
};

}  // namespace pg_exclusive::detail
