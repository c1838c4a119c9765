// A grant on its way out: no longer ours from the beginning, gone at the end.
#pragma once

#include <optional>

#include "client_core/client_core.hpp"
#include "protocol/request.hpp"

namespace pg_exclusive::detail {

class departure {
 public:
  explicit departure(grant &held) noexcept;
  departure(const departure &) = delete;
  departure &operator=(const departure &) = delete;
  ~departure() { end(); }

  // Was it lost before?
  [[nodiscard]] bool too_late() const { return loss_.has_value(); }
  // The session that has to be told, or null.
  [[nodiscard]] session_ptr session_to_tell() const;
  // Tells it together with `next`, in one message, and waits for both answers.
  void travel_with(call &next);

  // Does what is left to do, and says how the lock was lost, if it was.
  std::optional<loss_info> end() noexcept;

 private:
  [[nodiscard]] bool untold() const { return last_one_ && !told_ && !loss_; }
  bool last_one_out();
  void leave();
  void tell_released();

  grant &held_;
  call request_;
  std::optional<loss_info> loss_;
  bool last_one_ = false;  // no other hold shares the grant
  bool told_ = false;      // the server
  bool ended_ = false;
};

}  // namespace pg_exclusive::detail
