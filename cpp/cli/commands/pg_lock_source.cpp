#include "commands/pg_lock_source.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include "base/exit_codes.hpp"
#include "base/json_text.hpp"
#include "base/to_string.hpp"
#include "commands/busy_message.hpp"
#include "db/database.hpp"

namespace pg_exclusive::cli {

namespace {

using json = nlohmann::ordered_json;
using namespace std::chrono_literals;

std::chrono::milliseconds in_milliseconds(seconds given) {
  return std::chrono::ceil<std::chrono::milliseconds>(given);
}

class pg_hold : public held_lock {
 public:
  explicit pg_hold(const hold &from) : hold_{from} {}

  std::optional<std::int64_t> token() const override { return hold_.token(); }
  int socket() const override { return hold_.native_handle(); }
  boot_time deadline() const override {
    const auto deadline = hold_.deadline();
    if (deadline != boot_time::min()) {
      last_deadline_ = deadline;
    }
    return deadline;
  }
  std::stop_token lost() const override { return hold_.lost(); }
  std::stop_token yield_requested() const override {
    return hold_.yield_requested();
  }

  std::string loss() const override {
    const std::string name = hold_.name().to_string();
    if (const auto info = hold_.loss()) {
      return name + ": " + to_string(info->reason) +
             (info->detail.empty() ? "" : " (" + info->detail + ")") + " at " +
             to_string(info->when) + "; another node may run since " +
             to_string(info->others_may_run_since);
    }
    return name + ": no answer from the server; another node may run from " +
           to_string(to_system(last_deadline_)) + " on";
  }

 private:
  const hold &hold_;
  mutable std::atomic<boot_time> last_deadline_{boot_clock::now()};
};

json describe_lock(const lock_name &name) {
  return {{"namespace", name.namespace_}, {"key", name.key}};
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

/// Waits so long, or until a stop is requested.
void sleep_for(std::chrono::milliseconds time, const std::stop_token &stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock{mutex};
  woken.wait_for(lock, stop, time, [] { return false; });
}

/// Is the server gone for a while, so that trying again makes sense?
bool may_come_back(const lock_error &error) {
  const std::string &state = error.sqlstate();
  return state.rfind("57P0", 0) == 0 ||
         (state.rfind("08", 0) == 0 && state != "08P01");
}

/// When a wait ends.
class wait_limit {
 public:
  explicit wait_limit(std::optional<seconds> wait) : wait_{wait} {}

  [[nodiscard]] std::optional<std::chrono::milliseconds> left() const {
    if (!wait_) {
      return std::nullopt;
    }
    const auto left = in_milliseconds(*wait_) - (boot_clock::now() - start_);
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), 0ms);
  }
  [[nodiscard]] bool over() const { return left() == 0ms; }

 private:
  std::optional<seconds> wait_;
  boot_time start_ = boot_clock::now();
};

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
  } catch (const std::system_error &error) {
    return verdict{exit_system, {std::string{"error: "} + error.what()}};
  } catch (const std::bad_alloc &) {
    return verdict{exit_system, {"error: out of memory"}};
  } catch (const std::exception &error) {
    return verdict{exit_internal, {std::string{"error: "} + error.what()}};
  }
}

/// The command did not run, but nothing has failed.
verdict pg_lock_source::not_run(int exit_code, message why) const {
  return {exit_code, wanted_.quiet ? message{} : std::move(why)};
}

/// Says which run there was, when and where, if that can be read.
message pg_lock_source::already_ran() const {
  json details = describe_lock(wanted_.name);
  details["event"] = "already_ran";
  details["slot"] = wanted_.slot;
  std::string text = "already ran: " + wanted_.name.to_string() + ", " +
                     (wanted_.once_per ? "once " + wanted_.slot
                                       : "slot \"" + wanted_.slot + "\"");
  try {
    database db{conninfo_};
    const rows found = db.ask(
        "SELECT pg_catalog.date_part('epoch', started_at)::bigint, role ||"
        " coalesce('@' || pg_catalog.host(client_addr), ''),"
        " application_name, state FROM " +
        db.schema() +
        "lock_runs WHERE namespace = " + db.quote(wanted_.name.namespace_) +
        " AND key = " + db.quote(wanted_.name.key) + " AND slot = " +
        db.quote(wanted_.slot) + " ORDER BY started_at DESC LIMIT 1");
    if (found.size() > 0) {
      details["started_at"] = to_string(std::chrono::system_clock::time_point{
          std::chrono::seconds{found.number(0, 0)}});
      details["role"] = found.text(0, 1);
      details["application_name"] = found.text(0, 2);
      details["state"] = found.text(0, 3);
      text += ", started " + details["started_at"].get<std::string>() + " by " +
              found.text(0, 1) + ", application \"" + found.text(0, 2) +
              "\", " + found.text(0, 3);
    }
  } catch (const tool_error &) {
    // The exit code does not depend on this question.
  }
  return {text, "", json_text(details)};
}

result<hold> pg_lock_source::wait_for_lock(const std::stop_token &stop) {
  const wait_limit limit{wanted_.wait};
  const auto final = [&](const lock_error &error) {
    return limit.over() || !may_come_back(error);
  };
  std::optional<lock_error> interrupted;  // ended a wait
  bool was_away = false;                  // no connection could be made since
  auto pause = 100ms;
  while (!stop.stop_requested()) {
    std::optional<client> locks;
    try {
      locks.emplace(
          conninfo_,
          client_options{.lease = in_milliseconds(wanted_.lease),
                         .pooler = wanted_.pooled ? pooler_policy::transaction
                                                  : pooler_policy::refuse});
    } catch (const lock_error &error) {
      if (!interrupted || final(error)) {
        throw;
      }
      was_away = true;
      sleep_for(pause, stop);
      pause = std::min(2 * pause, 1000ms);
      continue;
    }
    if (interrupted && interrupted->sqlstate() == "57P01" && !was_away) {
      // The server runs. So an administrator has ended this very session.
      throw lock_error{*interrupted};
    }
    if (wanted_.verbose) {
      print_message("connected; taking " + wanted_.name.to_string());
    }
    try {
      return locks->lock(
          wanted_.name,
          {.wait = limit.left(),
           .stop = stop,
           .mode = wanted_.shared ? lock_mode::shared : lock_mode::exclusive});
    } catch (const lock_error &error) {
      if (final(error)) {
        throw;
      }
      if (!wanted_.quiet) {
        const std::string why = describe(error).message;
        print_message("the wait was interrupted (" +
                      why.substr(0, why.find('\n')) + "); connecting again");
      }
      interrupted = error;
      was_away = false;
    }
  }
  return result<hold>{outcome::stopped};
}

std::optional<verdict> pg_lock_source::acquire_or_throw(std::stop_token stop,
                                                        const task &run) {
  auto granted = wait_for_lock(stop);
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
  return run_under(held, run);
}

std::optional<verdict> pg_lock_source::run_under(hold &held, const task &run) {
  const bool recorded = !wanted_.slot.empty();
  // The server compares with half of `every`, see --full-period.
  const auto every = wanted_.once_per && wanted_.full_period
                         ? std::optional{2 * *wanted_.once_per}
                         : wanted_.once_per;
  if (recorded && !held.begin_run(wanted_.slot, {.on_crash = wanted_.on_crash,
                                                 .every = every})) {
    held.unlock();
    return not_run(exit_already_ran, already_ran());
  }
  pg_hold watched{held};
  const bool succeeded = run(watched);
  const bool held_to_the_end = held.held();
  if (recorded) {
    held.finish_run(wanted_.slot, succeeded);
  }
  try {
    held.unlock();
  } catch (const lock_error &error) {
    // Where the session answers and the lock is not there, it was lost while
    // the command ran, for all we know.
    const auto *lost = dynamic_cast<const lock_lost *>(&error);
    if (!held_to_the_end ||
        (lost != nullptr && (lost->reason() == loss_reason::lock_gone ||
                             lost->reason() == loss_reason::backend_changed))) {
      throw;
    }
    // Nothing of the command was left when the link went.
    if (wanted_.verbose) {
      print_message(
          "the lock was not released but lost, after the command "
          "had ended: " +
          describe(error).message);
    }
  }
  return std::nullopt;
}

}  // namespace pg_exclusive::cli
