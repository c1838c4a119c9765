// The life of a lock session: confirmed, lost, closed.
#include "session/session.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "client_core/client_core.hpp"

namespace pg_exclusive::detail {

namespace {

std::string parameter(const PGconn *connection, const char *name) {
  const char *value = PQparameterStatus(connection, name);
  return value == nullptr ? "" : value;
}

// libpq closes its socket whenever it likes.  This one is ours, so that whoever
// looks at it from outside never meets a stranger with the same number.
int duplicate(int socket) {
  const int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    throw std::system_error(errno, std::generic_category(),
                            "cannot duplicate a socket");
  }
  return copy;
}

}  // namespace

session::session(client_core &owner, opened &&made)
    : owner_(owner),
      connection_(std::move(made.connection)),
      protocol_(std::move(made.language)),
      leases_(protocol_->has_leases()),
      pooled_(made.pooled),
      nonce_(made.nonce),
      backend_pid_(made.backend_pid),
      socket_(duplicate(PQsocket(connection_.get()))),
      libpqs_(std::make_unique<parents_socket>(PQsocket(connection_.get()))),
      ours_(std::make_unique<parents_socket>(socket_)),
      role_(PQuser(connection_.get())),
      application_name_(parameter(connection_.get(), "application_name")),
      confirmed_(made.sent.time_since_epoch().count()),
      last_beat_(made.sent.time_since_epoch().count()),
      last_grant_(made.sent.time_since_epoch().count()) {
  lease_.set(made.sent + owner.client_bound());
}

session::~session() {
  close();
  ::close(socket_);
}

void session::close() {
  // A pooler passes the backend on to others.
  if (pooled_ && connection_ && alive() && !owner_.forked()) {
    socket_watcher::limit hurry(owner_.watch());
    hurry.watch(socket_);
    hurry.set(boot_clock::now() + owner_.patience());
    PQclear(PQexec(connection_.get(), "DISCARD ALL"));
  }
  owner_.watch().forget(*this);
  // Nobody must wait for a server that is gone.
  if (!alive()) shutdown(socket_, SHUT_RDWR);
  connection_.reset();
  // The server sees the end of it now, not when the last hold lets go.
  shutdown(socket_, SHUT_RDWR);
}

bool session::confirm() {
  flight_.landed = boot_clock::now();
  // Only a renewal puts off the end of leases.
  if (leases_ && !flight_.heartbeat && lease_.alive_at(flight_.landed)) {
    return true;
  }
  if (!lease_.extend(flight_.at + owner_.client_bound(), flight_.landed)) {
    fail(loss_reason::lease_expired, "");
    return false;
  }
  confirmed_ = flight_.at.time_since_epoch().count();
  return true;
}

void session::fail(loss_reason reason, const std::string &detail) {
  {
    // Whoever sees the lease end finds the reason: both under one lock.
    const std::lock_guard guard(loss_access_);
    lease_.end();
    if (loss_) return;
    const boot_clock::time_point confirmed{
        boot_clock::duration(confirmed_.load())};
    loss_info info;
    info.reason = reason;
    info.detail = detail.substr(0, detail.find_last_not_of(" \n") + 1);
    info.when = std::chrono::system_clock::now();
    info.others_may_run_since = to_system(
        reason == loss_reason::lease_expired ? confirmed + owner_.server_bound()
                                             : confirmed);
    loss_ = std::move(info);
  }
  owner_.watch().shut(*this);
  owner_.session_failed(shared_from_this());
}

void session::disconnected(loss_reason reason, const std::string &detail) {
  if (!leases_) {
    fail(reason, detail);
    return;
  }
  broken_ = true;
  owner_.watch().shut(*this);
  beat_again();
}

bool session::failed() const {
  const std::lock_guard guard(loss_access_);
  return loss_.has_value();
}

loss_info session::loss() const {
  const std::lock_guard guard(loss_access_);
  if (loss_) return *loss_;
  // The deadline has passed and the watcher is about to say so.
  loss_info info;
  info.reason = loss_reason::lease_expired;
  info.when = std::chrono::system_clock::now();
  info.others_may_run_since = to_system(
      boot_clock::time_point(boot_clock::duration(confirmed_.load())) +
      owner_.server_bound());
  return info;
}

loss_info session::gone() const {
  if (!lease_.alive()) return loss();
  loss_info info;
  info.reason = loss_reason::lock_gone;
  info.detail =
      leases_ ? "the lease was broken, handed over, or forgotten in a restart"
              : "DISCARD ALL or pg_advisory_unlock_all() on the lock session";
  info.when = std::chrono::system_clock::now();
  // It was there at the last heartbeat.
  info.others_may_run_since = to_system(
      boot_clock::time_point(boot_clock::duration(last_beat_.load())));
  return info;
}

lock_error session::broken(const std::optional<lock_name> &name) const {
  const loss_info info = loss();
  std::string text =
      std::string("the lock session broke: ") + to_string(info.reason);
  if (!info.detail.empty()) text += " (" + info.detail + ")";
  return {text, "08006", name, "Nothing is held.  A later call connects anew."};
}

void session::tell_holders() {
  const loss_info info = loss();
  for (auto &g : grants()) owner_.lost(std::move(g), info);
}

void session::reap() {
  {
    const std::lock_guard guard(access_);
    if (busy_ || alive() || !connection_) return;
    busy_ = true;
  }
  close_lost();
}

// A closed session is no longer watched.  If nothing has reported its loss
// yet, this is the last chance to tell the holders.
void session::close_lost() {
  fail(loss_reason::lease_expired, "");
  close();
}

boot_clock::time_point session::end_at(boot_clock::time_point when) {
  when = std::min(when, owner_.watch().end_of_all());
  lease_.set(when);
  owner_.watch().rearm();
  return when;
}

bool session::idle() {
  const std::lock_guard guard(access_);
  return !busy_;
}

void session::add(grant &held) {
  {
    const std::lock_guard guard(access_);
    held.index = grants_.size();
    grants_.push_back(&held);
    last_grant_ = boot_clock::now().time_since_epoch().count();
  }
  // It may have failed, and told its holders, a moment ago.
  if (failed()) owner_.lost(held.shared_from_this(), loss());
}

void session::remove(grant &held) {
  const std::lock_guard guard(access_);
  remove_locked(held);
}

void session::remove_locked(grant &held) {
  if (held.index >= grants_.size() || grants_[held.index] != &held) return;
  grants_.back()->index = held.index;
  grants_[held.index] = grants_.back();
  grants_.pop_back();
  held.index = SIZE_MAX;
}

std::vector<std::shared_ptr<grant>> session::grants() {
  std::vector<std::shared_ptr<grant>> all;
  const std::lock_guard guard(access_);
  for (grant *g : grants_) {
    if (auto alive = g->weak_from_this().lock())
      all.push_back(std::move(alive));
  }
  return all;
}

boot_clock::time_point session::idle_since() const noexcept {
  return boot_clock::time_point(boot_clock::duration(last_grant_.load()));
}

}  // namespace pg_exclusive::detail
