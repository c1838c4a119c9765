#include "pg_exclusive/hold.hpp"

#include <new>

#include "api/hold_access.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"
#include "session/session.hpp"

namespace pg_exclusive {
namespace {

[[noreturn]] void throw_released(const detail::grant *grant) {
  throw lock_error(
      "the lock is not held any more: it was released", "55000",
      grant == nullptr ? std::nullopt : std::optional(grant->name()));
}

// Asks the server on the session of a grant.
void ask(const detail::grant &held, detail::request &r) {
  if (!held.on().has_tokens()) throw detail::missing_extension(held.name());
  r.name = &held.name();
  held.on().submit(r);
  if (!r.error) return;
  if (auto loss = held.loss()) throw lock_lost(held.name(), std::move(*loss));
  throw lock_error(*r.error);
}

}  // namespace

hold::hold(std::shared_ptr<detail::grant> grant) noexcept
    : grant_(std::move(grant)) {}

hold::hold(hold &&other) noexcept = default;

hold &hold::operator=(hold &&other) noexcept {
  if (this != &other) {
    const hold old(std::move(*this));
    grant_ = std::move(other.grant_);
  }
  return *this;
}

hold::~hold() {
  if (!grant_) return;
  if (grant_->owner().forked()) {
    // The grant is the parent's.  Leaking it leaves everything untouched.
    new (std::nothrow) std::shared_ptr<detail::grant>(std::move(grant_));
    return;
  }
  if (!grant_->released) grant_->owner().destroy(grant_);
}

bool hold::held() const noexcept {
  return grant_ != nullptr && !grant_->owner().forked() && grant_->held();
}

void hold::check() const {
  if (held()) return;
  if (grant_) {
    grant_->owner().check_not_forked();
    if (auto loss = grant_->loss()) {
      throw lock_lost(grant_->name(), std::move(*loss));
    }
  }
  throw_released(grant_.get());
}

std::stop_token hold::lost() const {
  return grant_ ? grant_->lost() : std::stop_token();
}

std::optional<loss_info> hold::loss() const {
  return grant_ ? grant_->loss() : std::nullopt;
}

std::optional<std::int64_t> hold::token() const noexcept {
  if (!grant_ || !grant_->on().has_tokens()) return std::nullopt;
  return grant_->token();
}

const lock_name &hold::name() const noexcept { return grant_->name(); }

lock_mode hold::mode() const noexcept { return grant_->mode(); }

int hold::backend_pid() const noexcept { return grant_->on().backend_pid(); }

boot_clock::time_point hold::deadline() const noexcept {
  return held() ? grant_->on().lease().deadline()
                : boot_clock::time_point::min();
}

int hold::native_handle() const noexcept {
  return held() ? grant_->on().socket() : -1;
}

bool hold::begin_run(std::string_view slot, const once_options &options) {
  check();
  detail::check_slot(slot, grant_->name());
  detail::request r(detail::request_kind::begin_run);
  r.slot = slot;
  r.run = &options;
  ask(*grant_, r);
  return r.ok;
}

void hold::finish_run(std::string_view slot, bool succeeded) {
  check();
  detail::check_slot(slot, grant_->name());
  detail::request r(detail::request_kind::finish_run);
  r.slot = slot;
  r.succeeded = succeeded;
  ask(*grant_, r);
}

void hold::end_run(std::string_view slot, bool succeeded) {
  detail::grant &held = leave();
  if (auto loss = held.owner().end_run(held, slot, succeeded)) {
    throw lock_lost(held.name(), std::move(*loss));
  }
}

// What is about to be given back, by who calls this.
detail::grant &hold::leave() {
  if (!grant_ || grant_->released) throw_released(grant_.get());
  grant_->owner().check_not_forked();
  grant_->released = true;
  return *grant_;
}

void hold::unlock() {
  detail::grant &held = leave();
  if (auto loss = held.owner().release_grant(held)) {
    throw lock_lost(held.name(), std::move(*loss));
  }
}

}  // namespace pg_exclusive
