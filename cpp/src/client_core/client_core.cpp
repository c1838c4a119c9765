#include "client_core/client_core.hpp"

#include <stdexcept>

#include "acquire/acquisition.hpp"
#include "acquire/release.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {
namespace {

void check_bounds(const char *option, std::int64_t value, std::int64_t least,
                  std::int64_t most) {
  if (value >= least && value <= most) return;
  throw lock_error(std::string("option \"") + option + "\" is " +
                       std::to_string(value) + ", which is not between " +
                       std::to_string(least) + " and " + std::to_string(most),
                   "22023");
}

void check(const client_options &options) {
  check_bounds("lease", options.lease.count(), 500, 3'600'000);
  check_bounds("connect_timeout", options.connect_timeout.count(), 1,
               3'600'000);
  check_bounds("max_sessions", options.max_sessions, 1, 10'000);
  check_bounds("max_wait_sessions", options.max_wait_sessions, 1, 10'000);
  check_bounds("holds_per_session", options.holds_per_session, 1, 100'000);
}

}  // namespace

client_core::client_core(std::string conninfo, client_options options)
    : conninfo_(std::move(conninfo)),
      options_(std::move(options)),
      sessions_(*this),
      transactions_(*this) {}

std::shared_ptr<client_core> client_core::make(std::string conninfo,
                                               client_options options) {
  check(options);
  // In a forked child there are no threads to join and no server to talk to.
  std::shared_ptr<client_core> made(
      new client_core(std::move(conninfo), std::move(options)),
      [](client_core *c) {
        if (!c->forked()) delete c;
      });
  remember_for_fork(*made);
  made->heartbeats_.emplace(*made);
  const auto any = [](const session_ptr &) { return false; };
  session_pool::unload(*made->sessions_.pick(any));  // errors show up now
  return made;
}

client_core::~client_core() {
  forget_for_fork(*this);
  closing_.request_stop();
  // A server that is silent gets no more than this.
  watcher_.end_all_at(boot_clock::now() + std::chrono::seconds(1));
  auto left = sessions_.close();
  sessions_.join_openings();
  if (heartbeats_) heartbeats_->stop();
  left.clear();
  watcher_.stop();
  callbacks_.stop();
}

void client_core::check_not_forked() const {
  if (!forked_) return;
  throw std::logic_error(
      "pg_exclusive::client used in a child process after fork()");
}

void client_core::check_usable() const {
  check_not_forked();
  if (closed_) throw closed_error();
}

lock_error client_core::closed_error() const {
  return {"the client is closed", "08003"};
}

std::string client_core::conninfo() const {
  return options_.conninfo ? options_.conninfo() : conninfo_;
}

attempt client_core::acquire(const lock_name &name, const lock_options &options,
                             bool bound, int permits) {
  check_usable();
  name.check();
  if (leases() && (permits > 0 || options.mode != lock_mode::exclusive)) {
    throw lock_error("leases are exclusive", "0A000", name,
                     "Shared locks and semaphores need a session of the "
                     "server: connect directly, with hold_kind::session.");
  }
  acquisition way(*this, name, options, permits, bound);
  const bool waits = !options.wait || options.wait->count() > 0;
  attempt result = waits ? way.wait() : way.try_now();
  if (result.outcome() == outcome::stopped) {
    counters.stops.fetch_add(1, std::memory_order_relaxed);
  }
  return unless_closed(std::move(result));
}

attempt client_core::unless_closed(attempt result) {
  if (result && closed_) {
    release_grant(**result);
    throw closed_error();
  }
  return result;
}

std::optional<loss_info> client_core::release_grant(grant &held) noexcept {
  return release(held).end();
}

attempt client_core::acquire_next(grant &held, const lock_name &name,
                                  lock_mode mode) {
  const lock_options now{.wait = std::chrono::milliseconds(0), .mode = mode};
  release leaving(held);
  std::optional<attempt> result;
  std::exception_ptr error;
  if (!leaving.too_late() && held.name() != name) {
    try {
      check_usable();
      name.check();
      result = unless_closed(
          acquisition(*this, name, now, 0, false).try_with_release(leaving));
    } catch (...) {
      error = std::current_exception();
    }
  }
  // What was lost comes first: work was done under it.
  if (auto loss = leaving.end()) {
    if (result && *result) release_grant(***result);
    throw lock_lost(held.name(), std::move(*loss));
  }
  if (error) std::rethrow_exception(error);
  return result ? *std::move(result) : acquire(name, now, false);
}

// On the server only.
bool client_core::unlock_on_server(grant &held) noexcept {
  session &s = held.on();
  request c(held);
  s.submit(c);
  // What cannot be given back goes with the session.
  if (c.error) s.fail(loss_reason::connection_closed, c.error->what());
  return c.ok;
}

void client_core::session_opened(const session_ptr &s,
                                 boot_clock::duration took) {
  counters.connects.fetch_add(1, std::memory_order_relaxed);
  has_extension = s->has_tokens();
  watcher_.add(s);
  if (heartbeats_) heartbeats_->wake();
  event what;
  what.kind = event_kind::session_opened;
  what.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
  what.backend_pid = s->backend_pid();
  tell(std::move(what));
}

// From any thread, the watcher's too: nothing here waits.
void client_core::session_failed(const session_ptr &s) {
  callbacks_.post([this, weak = std::weak_ptr(s)] {
    const auto failed = weak.lock();
    if (!failed) return;
    failed->tell_holders();
    event what;
    what.kind = event_kind::session_closed;
    what.loss = failed->loss();
    what.detail = what.loss->detail;
    what.backend_pid = failed->backend_pid();
    tell(std::move(what));
  });
  if (heartbeats_) heartbeats_->wake();
}

// On any thread but the watcher's; callbacks run on the callback thread.
bool client_core::lost(grant_ptr g, const loss_info &info) {
  if (!g->mark_lost(info)) {
    // Should this be the last reference, core goes with it: not in the middle
    // of what the caller does.
    callbacks_.post([g = std::move(g)] {});
    return false;
  }
  counters.losses.fetch_add(1, std::memory_order_relaxed);
  event what;
  what.kind = event_kind::lost;
  what.name = g->name();
  if (g->on().has_tokens()) what.token = g->token();
  what.backend_pid = g->on().backend_pid();
  what.loss = info;
  tell(std::move(what));
  callbacks_.post([g = std::move(g)] { g->tell_lost(); });
  return true;
}

void client_core::heartbeat_confirmed(const session &s,
                                      boot_clock::duration took) {
  counters.heartbeats.fetch_add(1, std::memory_order_relaxed);
  if (took * 3 <= heartbeat_period()) return;
  event what;
  what.kind = event_kind::slow_heartbeat;
  what.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
  what.backend_pid = s.backend_pid();
  tell(std::move(what));
}

void client_core::extension_appeared() {
  if (has_extension.exchange(true)) return;
  event what;
  what.kind = event_kind::extension_appeared;
  tell(std::move(what));
}

// From the heartbeat thread, with each heartbeat that says so.
void client_core::yield_requested(grant_ptr g) {
  if (!g->mark_yield()) return;
  event what;
  what.kind = event_kind::yield_requested;
  what.name = g->name();
  what.token = g->token();
  what.backend_pid = g->on().backend_pid();
  tell(std::move(what));
  callbacks_.post([g = std::move(g)] { g->tell_yield(); });
}

void client_core::wake_heartbeats() {
  if (heartbeats_) heartbeats_->wake();
}

void client_core::tell_granted(const grant &g,
                               boot_clock::duration took) const {
  if (!options_.on_event) return;
  event what;
  what.kind = event_kind::granted;
  what.name = g.name();
  if (g.on().has_tokens()) what.token = g.token();
  what.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
  what.backend_pid = g.on().backend_pid();
  tell(std::move(what));
}

void client_core::tell(event what) const {
  if (!options_.on_event) return;
  callbacks_.post_event(
      [hook = options_.on_event, what = std::move(what)] { hook(what); });
}

}  // namespace pg_exclusive::detail
