#include "pg_exclusive/client.hpp"

#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <random>
#include <string>

#include "api/hold_access.hpp"
#include "client_core/client_core.hpp"
#include "pg_exclusive/detail/client_access.hpp"
#include "session/session.hpp"

namespace pg_exclusive {
namespace detail {

std::optional<std::string> client_access::extension_schema(
    const client &locks) {
  return locks.core_->extension_schema();
}

}  // namespace detail

client::client(std::string conninfo, client_options options)
    : core_(
          detail::client_core::make(std::move(conninfo), std::move(options))) {}

result<hold> client::try_lock(const lock_name &name,
                              const try_options &options) {
  return detail::hold_access::from(core_->acquire(
      name, {.wait = std::chrono::milliseconds(0), .mode = options.mode},
      false));
}

result<hold> client::try_lock_next(hold previous, const lock_name &name,
                                   const try_options &options) {
  detail::grant &held = detail::hold_access::leave(previous);
  if (&held.owner() == core_.get()) {
    return detail::hold_access::from(
        core_->acquire_next(held, name, options.mode));
  }
  if (auto loss = held.owner().release_grant(held)) {
    throw lock_lost(held.name(), std::move(*loss));
  }
  return try_lock(name, options);
}

result<hold> client::lock(const lock_name &name, const lock_options &options) {
  return detail::hold_access::from(core_->acquire(name, options, false));
}

result<hold> client::take_for_task(const lock_name &name,
                                   const try_options &options) {
  return detail::hold_access::from(core_->acquire(
      name, {.wait = std::chrono::milliseconds(0), .mode = options.mode},
      true));
}

result<hold> client::take_for_task(const lock_name &name,
                                   const lock_options &options) {
  return detail::hold_access::from(core_->acquire(name, options, true));
}

result<hold> client::take_for_run(const lock_name &name, std::string_view slot,
                                  const once_options &options) {
  return detail::hold_access::from(core_->acquire_for_run(name, slot, options));
}

namespace {

// The order of the ids, without duplicates.
std::vector<lock_name> in_order(std::vector<lock_name> names) {
  std::vector<std::pair<std::int64_t, lock_name>> order;
  for (auto &name : names) {
    const auto id = name.id();
    order.emplace_back(id, std::move(name));
  }
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  names.clear();
  for (auto &[id, name] : order) names.push_back(std::move(name));
  return names;
}

std::vector<hold> take_free(detail::client_core &core,
                            const std::vector<lock_name> &names,
                            const lock_options &options) {
  std::vector<detail::grant_ptr> grants;
  std::vector<hold> holds;
  const auto make_holds = [&] {
    for (auto &g : grants) {
      holds.push_back(detail::hold_access::from(std::move(g)));
    }
  };
  try {
    core.acquire_free(names, options, grants);
  } catch (...) {
    make_holds();  // which release their locks
    throw;
  }
  make_holds();
  return holds;
}

}  // namespace

result<std::vector<hold>> client::lock_all(std::vector<lock_name> names,
                                           const lock_options &options) {
  using returned = result<std::vector<hold>>;
  names = in_order(std::move(names));
  const auto began = boot_clock::now();
  std::vector<hold> holds = take_free(*core_, names, options);
  // One after the other, from the first that was not free.
  while (holds.size() < names.size()) {
    lock_options rest = options;
    if (options.wait) {
      rest.wait =
          *options.wait - std::chrono::duration_cast<std::chrono::milliseconds>(
                              boot_clock::now() - began);
    }
    // While this thread waits for the others, no other can release it.
    auto granted = detail::hold_access::from(
        core_->acquire(names[holds.size()], rest, /*bound=*/true));
    if (!granted) {
      detail::hold_access::group(holds);
      return returned(granted.outcome(), granted.refused_by());
    }
    holds.push_back(*std::move(granted));
  }
  detail::hold_access::group(holds);
  for (const auto &held : holds) {
    held.check();
    detail::hold_access::unbind(held);
  }
  return returned(std::in_place, std::move(holds));
}

namespace {

// Sleeps, but not longer than until a stop is requested.
void pause(const std::stop_token &stop, std::chrono::milliseconds time) {
  std::mutex access;
  std::condition_variable_any stopped;
  std::unique_lock lock(access);
  stopped.wait_for(lock, stop, time, [] { return false; });
}

// What ends without anybody changing how we ask: the server is away, is a
// standby, has no room; the namespace is paused or its quota used up; somebody
// cancelled the statement.
bool passes(const lock_error &error) {
  const auto &state = error.sqlstate();
  return error.is_connection_error() || state == "25006" || state == "53200" ||
         state == "53400" || state == "55000" || state == "57014";
}

}  // namespace

result<hold> client::campaign(const lock_name &name,
                              const std::stop_token &stop) {
  thread_local std::minstd_rand random(std::random_device{}());
  auto most = std::chrono::milliseconds(100);
  while (!stop.stop_requested()) {
    try {
      return detail::hold_access::from(
          core_->acquire(name, {.stop = stop}, true));
    } catch (const lock_error &error) {
      if (!passes(error)) throw;
    }
    std::uniform_int_distribution<std::int64_t> time(most.count() / 2,
                                                     most.count());
    pause(stop, std::chrono::milliseconds(time(random)));
    most =
        std::min<std::chrono::milliseconds>(most * 2, std::chrono::seconds(5));
  }
  return result<hold>(outcome::stopped);
}

// Without a hook for events, a leader that lost its lock would go on
// campaigning and leave no trace.
void client::report_lost_term(const lock_lost &loss) const {
  if (options().on_event) return;
  std::cerr << "pg_exclusive: " + std::string(loss.what()) +
                   "; campaigning again\n";
}

bool client::close(std::chrono::milliseconds deadline) {
  return core_->close(deadline);
}

client_stats client::stats() const { return core_->stats(); }

server_facts client::facts() const { return core_->facts(); }

bool client::has_extension() const noexcept { return core_->has_extension; }

const client_options &client::options() const noexcept {
  return core_->options();
}

}  // namespace pg_exclusive
