// A grant on its way out: no longer ours from the beginning, gone at the end.
#pragma once

#include <optional>

#include "acquire/acquire_context.hpp"
#include "session/grant.hpp"

namespace pg_exclusive::detail {

class release {
 public:
  release(acquire_context &owner, grant &held) noexcept;
  release(const release &) = delete;
  release &operator=(const release &) = delete;
  ~release() { end(); }

  // Was it lost before?
  [[nodiscard]] bool too_late() const { return loss_.has_value(); }
  // The session that has to be told, or null.
  [[nodiscard]] session_ptr session_to_ask() const;
  // Tells it together with another request, which comes after or before, and
  // waits for both answers.
  void send_with(request &next);
  void send_after(request &previous);

  // Sends it and does not wait.  `end` waits.  `last` of those that are started
  // one after the other?
  void start(bool last) noexcept;

  // Does what is left to do, and says how the lock was lost, if it was.
  std::optional<loss_info> end() noexcept;

 private:
  [[nodiscard]] bool unsent() const { return last_user_ && !sent_ && !loss_; }
  bool is_last_user();
  void leave();
  void let_go();

  acquire_context &owner_;
  grant &held_;
  unlock_request request_;
  std::optional<loss_info> loss_;
  bool last_user_ = false;  // no other hold shares the grant
  bool sent_ = false;       // the server
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace pg_exclusive::detail
