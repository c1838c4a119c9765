// The life of a lock session: confirmed, lost, closed.
#include "session/session.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "session/session_context.hpp"

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

session::session(session_context &owner, opened &&made)
    : owner_(owner),
      language_(std::move(made.language)),
      pooled_(made.pooled),
      nonce_(made.nonce),
      backend_pid_(made.backend_pid),
      socket_(duplicate(PQsocket(made.connection.get()))),
      libpqs_(PQsocket(made.connection.get())),
      ours_(socket_),
      role_(PQuser(made.connection.get())),
      application_name_(parameter(made.connection.get(), "application_name")),
      confirmed_(made.sent.time_since_epoch().count()),
      last_beat_(made.sent.time_since_epoch().count()),
      last_grant_(made.sent.time_since_epoch().count()),
      batcher_(*this, std::move(made.connection), *language_) {
  lease_.set(made.sent + owner.client_bound());
}

session::~session() {
  close();
  ::close(socket_);
}

void session::close() {
  PGconn *connection = batcher_.connection();
  // A pooler passes the backend on to other clients.
  if (pooled_ && connection != nullptr && alive() && !owner_.forked() &&
      PQexitPipelineMode(connection) == 1) {
    PQsetnonblocking(connection, 0);
    socket_watcher::limit hurry(owner_.watch());
    hurry.watch(socket_);
    hurry.set(boot_clock::now() + owner_.patience());
    PQclear(PQexec(connection, "DISCARD ALL"));
  }
  owner_.watch().forget(*this);
  // A close must not wait for a server that is gone.
  if (!alive()) shutdown(socket_, SHUT_RDWR);
  batcher_.close();
  // The server sees the end of it now, not when the last hold is released.
  shutdown(socket_, SHUT_RDWR);
}

void session::submit(request &first, request &last) {
  for (request *r = &first; r != nullptr; r = r->next) {
    if (r->releasing != nullptr) remove(*r->releasing);
    if (r == &last) break;
  }
  batcher_.submit(first, last);
}

void session::start(request &only, bool last) {
  if (only.releasing != nullptr) remove(*only.releasing);
  batcher_.start(only, last);
}

bool session::unlock(grant &held) {
  unlock_request r(held);
  submit(r);
  // What cannot be released goes with the session.
  if (r.error) fail(loss_reason::connection_closed, r.error->what());
  return r.ok;
}

bool session::confirm(boot_clock::time_point sent, boot_clock::time_point now) {
  if (!lease_.extend(sent + owner_.client_bound(), now)) {
    fail(loss_reason::lease_expired, "");
    return false;
  }
  confirmed_ = sent.time_since_epoch().count();
  return true;
}

void session::count_trip(std::size_t requests) {
  owner_.counters.round_trips.fetch_add(1, std::memory_order_relaxed);
  owner_.counters.calls.fetch_add(requests, std::memory_order_relaxed);
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
  info.detail = "DISCARD ALL or pg_advisory_unlock_all() on the lock session";
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
  if (batcher_.own_dead()) close_lost();
}

void session::close_lost() {
  // A closed session is no longer watched.  If nothing has reported its loss
  // yet, this is the last chance to tell the holders.
  fail(loss_reason::lease_expired, "");
  close();
}

boot_clock::time_point session::end_at(boot_clock::time_point when) {
  when = std::min(when, owner_.watch().end_of_all());
  lease_.set(when);
  owner_.watch().rearm();
  return when;
}

void session::add(grant &held) {
  {
    const std::lock_guard guard(grants_access_);
    held.index = grants_.size();
    grants_.push_back(&held);
    last_grant_ = boot_clock::now().time_since_epoch().count();
  }
  // It may have failed, and told its holders, a moment ago.
  if (failed()) owner_.lost(held.shared_from_this(), loss());
}

bool session::add_granted(request &r, boot_clock::time_point now) {
  const std::lock_guard guard(grants_access_);
  // With the lock that tell_holders() takes: it sees the grant, or this sees
  // that the session has ended.
  if (!lease_.alive_at(now)) return false;
  r.wanted->granted(r.token);
  r.wanted->attach(shared_from_this());
  r.wanted->index = grants_.size();
  grants_.push_back(r.wanted.get());
  last_grant_ = r.sent.time_since_epoch().count();
  return true;
}

void session::remove(grant &held) {
  const std::lock_guard guard(grants_access_);
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
  const std::lock_guard guard(grants_access_);
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
