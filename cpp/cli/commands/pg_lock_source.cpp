#include "commands/pg_lock_source.hpp"

#include <utility>

#include "base/exit_codes.hpp"
#include "base/format_time.hpp"
#include "base/json_text.hpp"
#include "base/message.hpp"
#include "commands/busy_message.hpp"
#include "db/connection.hpp"
#include "pg_exclusive/client.hpp"

namespace pg_exclusive::cli {

namespace {

using json = nlohmann::ordered_json;

std::chrono::milliseconds in_milliseconds(seconds given) {
  return std::chrono::ceil<std::chrono::milliseconds>(given);
}

class pg_hold : public held_lock {
 public:
  explicit pg_hold(const hold &from) : hold_{from} {}

  std::optional<std::int64_t> token() const override { return hold_.token(); }
  int socket() const override { return hold_.native_handle(); }
  boot_time deadline() const override {
    const auto t = hold_.deadline();
    return t == boot_time::min() ? never : t;
  }
  std::stop_token lost() const override { return hold_.lost(); }

  std::string loss() const override {
    const std::string name = hold_.name().to_string();
    if (const auto info = hold_.loss()) {
      return name + ": " + to_string(info->reason) +
             (info->detail.empty() ? "" : " (" + info->detail + ")") + " at " +
             format_time(info->when) + "; another node may run since " +
             format_time(info->others_may_run_since);
    }
    const auto limit = deadline();
    return name + ": no answer from the server" +
           (limit == never ? ""
                           : "; another node may run from " +
                                 format_time(to_system(limit)) + " on");
  }

 private:
  const hold &hold_;
};

json describe_lock(const lock_name &name) {
  return {{"namespace", name.namespace_}, {"key", name.key}};
}

message already_ran(const run_options &wanted) {
  json details = describe_lock(wanted.name);
  details["event"] = "already_ran";
  details["slot"] = wanted.slot;
  const std::string which =
      wanted.once_per ? "once " + wanted.slot : "slot \"" + wanted.slot + "\"";
  return {"already ran: " + wanted.name.to_string() + ", " + which, "",
          json_text(details)};
}

verdict failure(const run_options &wanted, const lock_error &error) {
  const tool_error told = describe(error);
  json details = describe_lock(wanted.name);
  details["event"] = "error";
  details["sqlstate"] = error.sqlstate();
  const bool paused = told.exit_code == exit_busy;
  return {paused ? wanted.busy_exit_code : told.exit_code,
          {"error: " + told.message, told.hint, json_text(details)}};
}

}  // namespace

pg_lock_source::pg_lock_source(const run_options &wanted, std::string conninfo)
    : wanted_{wanted}, conninfo_{std::move(conninfo)} {}

std::optional<verdict> pg_lock_source::acquire(std::stop_token stop,
                                               const task &run) {
  try {
    return acquire_or_throw(std::move(stop), run);
  } catch (const lock_lost &lost) {
    return verdict{exit_lost, {std::string{"lost: "} + lost.what()}};
  } catch (const lock_error &error) {
    return failure(wanted_, error);
  } catch (const tool_error &error) {
    return verdict{error.exit_code, {"error: " + error.message, error.hint}};
  } catch (const std::exception &error) {
    return verdict{exit_internal, {std::string{"error: "} + error.what()}};
  }
}

/// Nothing went wrong, there was just nothing to do.
verdict pg_lock_source::not_run(int exit_code, message why) const {
  return {exit_code, wanted_.quiet ? message{} : std::move(why)};
}

std::optional<verdict> pg_lock_source::acquire_or_throw(std::stop_token stop,
                                                        const task &run) {
  client locks{conninfo_, {.lease = in_milliseconds(wanted_.lease)}};
  if (wanted_.verbose) {
    print_message("connected; taking " + wanted_.name.to_string());
  }
  lock_options how{
      .stop = std::move(stop),
      .mode = wanted_.shared ? lock_mode::shared : lock_mode::exclusive};
  if (wanted_.wait) {
    how.wait = in_milliseconds(*wanted_.wait);
  }
  auto granted = locks.lock(wanted_.name, how);
  if (granted.outcome() == outcome::stopped) {
    return std::nullopt;
  }
  if (!granted) {
    return not_run(
        wanted_.busy_exit_code,
        busy_message(wanted_.name, granted.outcome(), granted.refused_by()));
  }
  hold held = *std::move(granted);
  if (wanted_.verbose) {
    print_message(
        "holding " + wanted_.name.to_string() +
        (held.token() ? ", token " + std::to_string(*held.token()) : ""));
  }

  const bool recorded = !wanted_.slot.empty();
  if (recorded && !held.begin_run(wanted_.slot, {.on_crash = wanted_.on_crash,
                                                 .every = wanted_.once_per})) {
    held.unlock();
    return not_run(exit_already_ran, already_ran(wanted_));
  }
  pg_hold watched{held};
  const bool succeeded = run(watched);
  if (recorded) {
    held.finish_run(wanted_.slot, succeeded);
  }
  held.unlock();
  return std::nullopt;
}

}  // namespace pg_exclusive::cli
