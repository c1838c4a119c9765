#include "pg_exclusive/detail/transaction_connection.hpp"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "base/fork_guard.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"

namespace pg_exclusive::detail {

struct callback_guard::state {
  explicit state(int socket) : guarded(socket) {}
  const parents_socket guarded;
  const pid_t process = getpid();
};

callback_guard::callback_guard(int socket)
    : state_(std::make_unique<state>(socket)) {}

// The child's registry is empty, and its lock may have been another thread's.
callback_guard::~callback_guard() {
  if (state_->process != getpid()) static_cast<void>(state_.release());
}

void callback_guard::check_process() const {
  if (state_->process == getpid()) return;
  throw std::logic_error(
      "a transaction of pg_exclusive used in a child process after fork()");
}

struct transaction_connection::state {
  std::shared_ptr<client_core> owner;
  transaction_link_ptr link;
  bool was_idle = false;
};

transaction_connection::transaction_connection(const client &locks, source from)
    : state_(std::make_unique<state>()) {
  state_->owner = client_access::core_of(locks);
  state_->owner->check_usable();
  transaction_pool &pool = state_->owner->transactions();
  if (from == idle_or_new) state_->link = pool.take_idle();
  state_->was_idle = state_->link != nullptr;
  if (!state_->link) state_->link = pool.open();
}

transaction_connection::~transaction_connection() {
  if (!state_->link) return;
  if (state_->owner->forked()) {
    static_cast<void>(state_.release());  // all of it is the parent's
  } else {
    state_->owner->transactions().end(std::move(state_->link));
  }
}

pg_conn *transaction_connection::get() const noexcept {
  return state_->link->connection.get();
}

bool transaction_connection::was_idle() const noexcept {
  return state_->was_idle;
}

void transaction_connection::limit() {
  const client_core &owner = *state_->owner;
  if (owner.forked()) return;
  state_->link->limit->set(boot_clock::now() + (state_->was_idle
                                                    ? owner.patience()
                                                    : owner.options().lease));
}

void transaction_connection::lift_limit() {
  if (state_->owner->forked()) return;
  state_->was_idle = false;  // it has answered
  state_->link->limit->lift();
}

void transaction_connection::check_process() const {
  state_->owner->check_not_forked();
}

void transaction_connection::give_back() {
  state_->owner->transactions().give_back(std::move(state_->link));
}

}  // namespace pg_exclusive::detail
