#include "pg_exclusive/shared_mutex.hpp"

#include <system_error>

#include "api/hold_access.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"

namespace pg_exclusive {

shared_mutex::shared_mutex(client locks, lock_name name)
    : client_(std::move(locks)), name_(std::move(name)) {
  name_.check();
}

shared_mutex::~shared_mutex() = default;

void shared_mutex::lock() { take(lock_mode::exclusive, std::nullopt); }

bool shared_mutex::try_lock() {
  return take(lock_mode::exclusive, std::chrono::milliseconds(0));
}

void shared_mutex::lock_shared() { take(lock_mode::shared, std::nullopt); }

bool shared_mutex::try_lock_shared() {
  return take(lock_mode::shared, std::chrono::milliseconds(0));
}

bool shared_mutex::take(lock_mode mode,
                        std::optional<std::chrono::milliseconds> wait) {
  const auto me = std::this_thread::get_id();
  if (mine() != nullptr) {
    throw std::system_error(
        std::make_error_code(std::errc::resource_deadlock_would_occur),
        "lock \"" + name_.to_string() + "\" is locked by this thread");
  }
  auto granted = detail::hold_access::from(
      detail::client_access::core_of(client_)->acquire(
          name_, {.wait = wait, .mode = mode}, /*bound=*/true));
  if (!granted) return false;
  const std::lock_guard guard(access_);
  holds_.emplace(me, *std::move(granted));
  return true;
}

void shared_mutex::give_back() noexcept {
  std::optional<hold> old;
  const std::lock_guard guard(access_);
  const auto found = holds_.find(std::this_thread::get_id());
  if (found == holds_.end()) return;
  old = std::move(found->second);
  holds_.erase(found);
}

void shared_mutex::unlock() noexcept { give_back(); }

void shared_mutex::unlock_shared() noexcept { give_back(); }

const hold *shared_mutex::mine() const noexcept {
  const std::lock_guard guard(access_);
  const auto found = holds_.find(std::this_thread::get_id());
  return found == holds_.end() ? nullptr : &found->second;
}

bool shared_mutex::held() const noexcept {
  const hold *held = mine();
  return held != nullptr && held->held();
}

void shared_mutex::check() const {
  const hold *held = mine();
  if (held == nullptr) {
    throw lock_error("the mutex is not locked by this thread", "55000", name_);
  }
  held->check();
}

std::stop_token shared_mutex::lost() const {
  const hold *held = mine();
  return held == nullptr ? std::stop_token() : held->lost();
}

std::optional<loss_info> shared_mutex::loss() const {
  const hold *held = mine();
  return held == nullptr ? std::nullopt : held->loss();
}

std::optional<std::int64_t> shared_mutex::token() const noexcept {
  const hold *held = mine();
  return held == nullptr ? std::nullopt : held->token();
}

}  // namespace pg_exclusive
