#include "client_core/client_core.hpp"

#include <stdexcept>

#include "acquire/acquire_all.hpp"
#include "acquire/acquisition.hpp"
#include "acquire/release.hpp"
#include "base/errors.hpp"
#include "pg_exclusive/detail/client_access.hpp"
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
    : acquire_context(std::move(conninfo), std::move(options)),
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
  if (closed_) throw client_closed();
}

attempt client_core::acquire(const lock_name &name, const lock_options &options,
                             bool bound, int permits) {
  check_usable();
  name.check();
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
    throw client_closed();
  }
  return result;
}

std::optional<loss_info> client_core::release_grant(grant &held) noexcept {
  if (const auto group = std::exchange(held.group, nullptr)) group->leave();
  return release(*this, held).end();
}

void client_core::acquire_free(std::span<const lock_name> names,
                               const lock_options &options,
                               std::vector<grant_ptr> &to) {
  check_usable();
  detail::acquire_free(*this, names, options, to);
  if (closed_) throw client_closed();
}

void client_core::destroy(const grant_ptr &held) noexcept {
  if (const auto group = std::exchange(held->group, nullptr)) {
    group->destroy(*this, held);
  } else {
    release(*this, *held).end();
  }
}

attempt client_core::acquire_for_run(const lock_name &name,
                                     std::string_view slot,
                                     const once_options &options) {
  check_usable();
  name.check();
  check_slot(slot, name);
  request begin(request_kind::begin_run);
  begin.name = &name;
  begin.slot = slot;
  begin.run = &options;
  const lock_options now{.wait = std::chrono::milliseconds(0)};
  acquisition way(*this, name, now, 0, /*bound=*/true);
  attempt result = unless_closed(way.try_with(begin));
  if (!result || (begin.ok && !begin.error)) return result;
  if (auto loss = release_grant(**result)) {
    throw lock_lost(name, std::move(*loss));
  }
  if (begin.error) throw lock_error(*begin.error);
  return attempt(outcome::already_ran);
}

std::optional<loss_info> client_core::end_run(grant &held,
                                              std::string_view slot,
                                              bool succeeded) {
  release leaving(*this, held);
  request finish(request_kind::finish_run);
  finish.name = &held.name();
  finish.slot = slot;
  finish.succeeded = succeeded;
  if (leaving.session_to_ask()) leaving.send_after(finish);
  auto loss = leaving.end();
  if (!loss && finish.error) throw lock_error(*finish.error);
  return loss;
}

attempt client_core::acquire_next(grant &held, const lock_name &name,
                                  lock_mode mode) {
  const lock_options now{.wait = std::chrono::milliseconds(0), .mode = mode};
  release leaving(*this, held);
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

namespace {

event about_session(event_kind kind, const session &s,
                    boot_clock::duration took = {}) {
  event what;
  what.kind = kind;
  what.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
  what.backend_pid = s.backend_pid();
  return what;
}

event about_grant(event_kind kind, const grant &g,
                  boot_clock::duration took = {}) {
  event what = about_session(kind, g.on(), took);
  what.name = g.name();
  if (g.on().has_tokens()) what.token = g.token();
  return what;
}

}  // namespace

void client_core::session_opened(const session_ptr &s,
                                 boot_clock::duration took) {
  counters.connects.fetch_add(1, std::memory_order_relaxed);
  has_extension = s->has_tokens();
  {
    const std::lock_guard guard(schema_access_);
    schema_ = s->language().schema();
  }
  watcher_.add(s);
  if (heartbeats_) heartbeats_->wake();
  post(about_session(event_kind::session_opened, *s, took));
}

std::optional<std::string> client_core::extension_schema() const {
  const std::lock_guard guard(schema_access_);
  return schema_;
}

// From any thread, the watcher's too: nothing here waits.
void client_core::session_failed(const session_ptr &s) {
  callbacks_.post([this, weak = std::weak_ptr(s)] {
    const auto failed = weak.lock();
    if (!failed) return;
    failed->tell_holders();
    event what = about_session(event_kind::session_closed, *failed);
    what.loss = failed->loss();
    what.detail = what.loss->detail;
    post(std::move(what));
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
  event what = about_grant(event_kind::lost, *g);
  what.loss = info;
  post(std::move(what));
  callbacks_.post([g = std::move(g)] { g->tell_lost(); });
  return true;
}

void client_core::heartbeat_confirmed(const session &s,
                                      boot_clock::duration took) {
  counters.heartbeats.fetch_add(1, std::memory_order_relaxed);
  if (took * 3 <= heartbeat_period()) return;
  post(about_session(event_kind::slow_heartbeat, s, took));
}

void client_core::read_heartbeat(const session_ptr &s) {
  if (heartbeats_) heartbeats_->read(s);
}

void client_core::lost_on_server(grant_ptr g, const loss_info &info) {
  {
    const std::lock_guard guard(g->at->access);
    if (auto *there = g->at->find(*g)) there->lost = true;
  }
  lost(std::move(g), info);
}

void client_core::extension_appeared() {
  if (has_extension.exchange(true)) return;
  event what;
  what.kind = event_kind::extension_appeared;
  post(std::move(what));
}

void client_core::tell(event_kind kind, const grant &g,
                       boot_clock::duration took) const {
  if (options_.on_event) post(about_grant(kind, g, took));
}

void client_core::post(event what) const {
  if (!options_.on_event) return;
  callbacks_.post_event(
      [hook = options_.on_event, what = std::move(what)] { hook(what); });
}

}  // namespace pg_exclusive::detail
