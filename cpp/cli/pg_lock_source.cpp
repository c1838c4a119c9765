#include "pg_lock_source.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "connection.hpp"
#include "exit_codes.hpp"
#include "pg_exclusive/client.hpp"
#include "say.hpp"
#include "slots.hpp"
#include "times.hpp"

namespace pg_exclusive::cli {

namespace {

using json = nlohmann::ordered_json;
using std::chrono::system_clock;

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
    return name + ": no answer from the server; another node may run from " +
           format_time(to_system(deadline())) + " on";
  }

 private:
  const hold &hold_;
};

json describe_lock(const lock_name &name) {
  return {{"namespace", name.namespace_}, {"key", name.key}};
}

/// `busy: jobs/nightly held by backup@10.0.0.7 (pid 4711) for 00:12:03`
verdict refusal(const run_options &wanted, outcome why,
                const std::optional<holder_info> &holder) {
  json details = describe_lock(wanted.name);
  details["event"] = why == outcome::timed_out ? "timed_out" : "taken";
  std::string text = "busy: " + wanted.name.to_string();
  if (holder && holder->pid != 0) {
    text += " held by " + holder->role +
            (holder->client_addr.empty() ? "" : "@" + holder->client_addr) +
            " (pid " + std::to_string(holder->pid) + ")";
    details["holder"] = {{"pid", holder->pid},
                         {"role", holder->role},
                         {"application_name", holder->application_name},
                         {"client_addr", holder->client_addr}};
    if (holder->acquired_at) {
      text += " for " + format_duration(std::chrono::floor<std::chrono::seconds>(
                            system_clock::now() - *holder->acquired_at));
      details["holder"]["acquired_at"] = format_time(*holder->acquired_at);
    }
  }
  if (why == outcome::timed_out) {
    text += "; timed out";
  }
  return {wanted.taken_exit_code, text, details.dump()};
}

verdict already_ran(const run_options &wanted, const std::string &slot) {
  json details = describe_lock(wanted.name);
  details["event"] = "already_ran";
  details["slot"] = slot;
  return {exit_already_ran,
          "already ran: " + wanted.name.to_string() + ", " +
              (wanted.slot.empty() ? "once per " + wanted.once_per
                                   : "slot \"" + slot + "\""),
          details.dump()};
}

verdict failure(const run_options &wanted, const lock_error &error) {
  const tool_error told = describe(error);
  json details = describe_lock(wanted.name);
  details["event"] = "error";
  details["sqlstate"] = error.sqlstate();
  std::string text = "error: " + told.message;
  if (!told.hint.empty()) {
    text += "\npg_exclusive: hint: " + told.hint;
    details["hint"] = told.hint;
  }
  const bool paused = told.exit_code == exit_taken;
  return {paused ? wanted.taken_exit_code : told.exit_code, text,
          details.dump()};
}

}  // namespace

pg_lock_source::pg_lock_source(const run_options &wanted, std::string conninfo)
    : wanted_{wanted}, conninfo_{std::move(conninfo)} {}

std::optional<verdict> pg_lock_source::acquire(std::stop_token stop,
                                               const task &run) {
  try {
    return acquire_or_throw(std::move(stop), run);
  } catch (const lock_lost &lost) {
    return verdict{exit_lost, std::string{"lost: "} + lost.what(), ""};
  } catch (const lock_error &error) {
    return failure(wanted_, error);
  } catch (const tool_error &error) {
    return verdict{error.exit_code, "error: " + error.message, ""};
  } catch (const std::exception &error) {
    return verdict{exit_internal, std::string{"error: "} + error.what(), ""};
  }
}

std::optional<verdict> pg_lock_source::acquire_or_throw(std::stop_token stop,
                                                        const task &run) {
  client locks{conninfo_, {.lease = in_milliseconds(wanted_.lease)}};
  if (wanted_.verbose) {
    say("connected; taking " + wanted_.name.to_string());
  }
  lock_options how{.stop = std::move(stop),
                   .mode = wanted_.shared ? lock_mode::shared
                                          : lock_mode::exclusive};
  if (wanted_.wait) {
    how.wait = in_milliseconds(*wanted_.wait);
  }
  auto granted = locks.lock(wanted_.name, how);
  if (granted.outcome() == outcome::stopped) {
    return std::nullopt;
  }
  if (!granted) {
    return refusal(wanted_, granted.outcome(), granted.refused_by());
  }
  hold held = *std::move(granted);
  if (wanted_.verbose) {
    say("holding " + wanted_.name.to_string() +
        (held.token() ? ", token " + std::to_string(*held.token()) : ""));
  }

  std::optional<slot_record> record;
  if (!wanted_.slot.empty() || !wanted_.once_per.empty()) {
    record.emplace(wanted_, conninfo_, held);
    if (!record->begin()) {
      held.release();
      return already_ran(wanted_, record->slot());
    }
  }
  const bool succeeded = run(pg_hold{held});
  if (record) {
    record->finish(succeeded);
  }
  held.release();
  return std::nullopt;
}

}  // namespace pg_exclusive::cli
