#include "pg_exclusive/mutex.hpp"

#include <system_error>

#include "api/hold_access.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"

namespace pg_exclusive {

mutex::mutex(client locks, lock_name name)
    : client_(std::move(locks)), name_(std::move(name)) {
  name_.check();
}

mutex::~mutex() = default;

void mutex::lock() { take({}); }

bool mutex::try_lock() { return take({.wait = std::chrono::milliseconds(0)}); }

bool mutex::take(const lock_options &options) {
  if (owner_.load() == std::this_thread::get_id()) {
    throw std::system_error(
        std::make_error_code(std::errc::resource_deadlock_would_occur),
        "lock \"" + name_.to_string() + "\" is locked by this thread");
  }
  auto granted = detail::hold_access::from(
      detail::client_access::core_of(client_)->acquire(name_, options,
                                                       /*bound=*/true));
  if (!granted) return false;
  // Nobody else has it, in this process either: the field is ours.
  hold_ = *std::move(granted);
  owner_.store(std::this_thread::get_id());
  return true;
}

void mutex::unlock() noexcept {
  owner_.store(std::thread::id());
  // Out of the field first: with the release it is the next owner's.
  const std::optional<hold> old = std::exchange(hold_, std::nullopt);
}

bool mutex::held() const noexcept { return hold_ && hold_->held(); }

void mutex::check() const {
  if (!hold_) throw lock_error("the mutex is not locked", "55000", name_);
  hold_->check();
}

std::stop_token mutex::lost() const {
  return hold_ ? hold_->lost() : std::stop_token();
}

std::optional<loss_info> mutex::loss() const {
  return hold_ ? hold_->loss() : std::nullopt;
}

std::optional<std::int64_t> mutex::token() const noexcept {
  return hold_ ? hold_->token() : std::nullopt;
}

}  // namespace pg_exclusive
