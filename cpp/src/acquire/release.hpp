// A grant on its way out: no longer ours from the beginning, gone at the end.
#pragma once

#include <optional>

#include "client_core/client_core.hpp"
#include "protocol/request.hpp"

namespace pg_exclusive::detail {

class release {
 public:
  explicit release(grant &held) noexcept;
  release(const release &) = delete;
  release &operator=(const release &) = delete;
  ~release() { end(); }

  // Was it lost before?
  [[nodiscard]] bool too_late() const { return loss_.has_value(); }
  // The session that has to be told, or null.
  [[nodiscard]] session_ptr session_to_ask() const;
  // Tells it together with `next`, in one message, and waits for both answers.
  void send_with(request &next);

  // Does what is left to do, and says how the lock was lost, if it was.
  std::optional<loss_info> end() noexcept;

 private:
  [[nodiscard]] bool unsent() const { return last_user_ && !sent_ && !loss_; }
  bool is_last_user();
  void leave();
  void release_again();
  void tell_released();

  grant &held_;
  request request_;
  std::optional<loss_info> loss_;
  bool last_user_ = false;  // no other hold shares the grant
  bool sent_ = false;       // the server
  bool ended_ = false;
};

}  // namespace pg_exclusive::detail
