/// @file
/// The client: where locks come from.
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pg_exclusive/client_options.hpp"
#include "pg_exclusive/detail/task.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/export.hpp"
#include "pg_exclusive/hold.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"
#include "pg_exclusive/result.hpp"

namespace pg_exclusive {

namespace detail {
class client_core;
struct client_access;

/// Where `transaction.hpp` is included, argument-dependent lookup finds its
/// functions by this type.
struct transaction_forms {};

/// Is `transaction.hpp` included?  `F` makes the answer wait for the call.
template <class F>
concept has_transaction_forms = requires(transaction_forms forms, F *task) {
  transaction_header_is_included(forms, task);
};
}  // namespace detail

/// Takes named locks of one PostgreSQL database, and runs code under them.
///
/// A client keeps a few connections of its own, the lock sessions, and shares
/// them among all locks and threads: one client per database and process is
/// what you want.  It is a cheap handle: copies share the same core, which
/// holds and mutexes keep alive after the client is gone.
///
/// **Thread safety.** All calls may be made from any number of threads.
/// Threads that want the same lock queue up in the process; calls that meet
/// travel together.
///
/// **When a connection dies**, the holds of its session are lost for good, and
/// say so (see `hold`); calls in progress throw `lock_error` 08006.  Later
/// calls open a new session: nothing runs on it as if nothing had happened.
///
/// **In a child after fork()** the client is dead (`std::logic_error`) and its
/// destructor does nothing; the parent keeps its locks.
///
/// Every call throws `lock_error` when it cannot tell: 42704 the namespace is
/// not registered, 42501 it is not for this role, 08006 the connection broke, …
/// A call that throws leaves no lock.
///
/// @snippet examples/client.cpp client
class PG_EXCLUSIVE_EXPORT client {
 public:
  /// Connects with a libpq connection string; "" takes everything from the
  /// environment (PGHOST, PGSERVICE, …).
  /// @throws lock_error 08001 when it cannot connect, 08P01 behind a pooler,
  /// 25006 on a standby, 0A000 without the extension, 22023 for an option out
  /// of bounds.
  explicit client(std::string conninfo = {}, client_options options = {});

  /// Takes the lock if it is free.  Returns a hold, or who has it.
  result<hold> try_lock(const lock_name &name, const try_options &options = {});

  /// Releases `previous`, then takes the lock `name` if it is free, in one
  /// round trip: for a worker that goes from lock to lock.  `previous` is
  /// released whatever comes of `name`.
  ///
  /// @snippet examples/next.cpp next
  ///
  /// @throws lock_lost when `previous` was lost before; then `name` is not
  /// taken.  lock_error 55000 when it was released before.
  result<hold> try_lock_next(hold previous, const lock_name &name,
                             const try_options &options = {});

  /// Takes the lock, waiting for it in the server's queue, first come first
  /// served (beyond `max_wait_sessions` names at once it tries again and again
  /// instead).  Returns a hold, or `outcome::timed_out` or `stopped`.
  /// @throws lock_error 40P01 when the wait can never end, because the threads
  /// of this process wait for each other.  What plain holds have is not looked
  /// at: another thread may give it back.
  result<hold> lock(const lock_name &name, const lock_options &options = {});

  /// Takes all of `names`, in the order of their ids so that nobody deadlocks,
  /// or none.  Equal names count once.  The holds come in that order.
  /// @throws lock_error 40P01 as `lock` does.
  result<std::vector<hold>> lock_all(std::vector<lock_name> names,
                                     const lock_options &options = {});

  /// Runs `f()` or `f(hold &)` if the lock is free, then frees it.
  /// Returns what `f` returned, or who has the lock.
  /// @throws lock_lost when the lock was lost while `f` ran; what `f` throws.
  template <class F>
  result<detail::task_result<F>> try_run_exclusive(const lock_name &name,
                                                   F &&f) {
    return try_run_exclusive(name, try_options{}, std::forward<F>(f));
  }
  /// The same with options.
  template <class F>
  result<detail::task_result<F>> try_run_exclusive(const lock_name &name,
                                                   const try_options &options,
                                                   F &&f) {
    return detail::run_under(take_for_task(name, options), std::forward<F>(f));
  }

  /// Waits for the lock, runs `f()` or `f(hold &)`, then frees it.
  /// Returns what `f` returned, or that the wait timed out or was stopped.
  /// @throws lock_lost when the lock was lost while `f` ran; what `f` throws.
  template <class F>
  result<detail::task_result<F>> run_exclusive(const lock_name &name, F &&f) {
    return run_exclusive(name, lock_options{}, std::forward<F>(f));
  }
  /// The same with options: `{.wait = 5s, .stop = token}`.
  template <class F>
  result<detail::task_result<F>> run_exclusive(const lock_name &name,
                                               const lock_options &options,
                                               F &&f) {
    return detail::run_under(take_for_task(name, options), std::forward<F>(f));
  }

  /// Runs `f()` or `f(hold &)` if the lock is free and this slot has not had a
  /// successful run yet, on any node, ever.  A run that throws may be run
  /// again.  For work inside the database prefer
  /// `try_run_once_in_transaction`, where record and work commit together.
  /// @throws lock_error 0A000 without the extension.
  template <class F>
  result<detail::task_result<F>> try_run_once(const lock_name &name,
                                              std::string_view slot, F &&f) {
    return try_run_once(name, slot, once_options{}, std::forward<F>(f));
  }
  /// The same with options: `{.on_crash = on_crash::skip}`.
  template <class F>
  result<detail::task_result<F>> try_run_once(const lock_name &name,
                                              std::string_view slot,
                                              const once_options &options,
                                              F &&f) {
    using returned = result<detail::task_result<F>>;
    result<hold> granted = take_for_run(name, slot, options);
    if (!granted) return returned(granted.outcome(), granted.refused_by());
    hold held = *std::move(granted);
    detail::run_record record(held, slot);
    returned done = detail::keep_result<detail::task_result<F>>(
        [&]() -> detail::task_result<F> {
          return detail::call_task(std::forward<F>(f), held);
        });
    record.succeeded();
    return done;
  }

  /// Runs `f()` or `f(hold &)` if the lock is free and no successful run of
  /// this lock with a period started less than half of `every` ago, by the
  /// clock of the database.  Half, because the timers of two nodes never fire
  /// at the same instant.  With all of it, a timer that fires a moment early
  /// would skip a period.  `{.exact = true}` counts all of it.
  /// @throws lock_error 0A000 without the extension.
  template <class F>
  result<detail::task_result<F>> try_run_every(const lock_name &name,
                                               std::chrono::milliseconds every,
                                               F &&f) {
    return try_run_every(name, every, once_options{}, std::forward<F>(f));
  }
  /// The same with options.
  template <class F>
  result<detail::task_result<F>> try_run_every(const lock_name &name,
                                               std::chrono::milliseconds every,
                                               once_options options, F &&f) {
    options.every = every;
    return try_run_once(name, "every " + std::to_string(every.count()) + " ms",
                        options, std::forward<F>(f));
  }

  /// Runs `f(pqxx::work &)` in a transaction of its own under the lock, if it
  /// is free, and commits.  Lock and work commit or fail together, and the next
  /// holder sees the work: the strongest form.  Include
  /// `pg_exclusive/transaction.hpp`, where the same is there for a
  /// `pqxx::connection` of yours; that one is right behind any pooler, where a
  /// client is refused.
  template <class F>
  auto try_run_in_transaction([[maybe_unused]] const lock_name &name,
                              [[maybe_unused]] F &&f) {
    if constexpr (detail::has_transaction_forms<std::remove_cvref_t<F>>) {
      return run_in_transaction(detail::transaction_forms{}, *this, name,
                                std::forward<F>(f));
    } else {
      static_assert(detail::has_transaction_forms<std::remove_cvref_t<F>>,
                    "try_run_in_transaction() needs "
                    "#include <pg_exclusive/transaction.hpp>");
    }
  }

  /// The same, if this slot has not had a successful run yet: the record of the
  /// run is written in the same transaction as the work, so it runs exactly
  /// once.  Include `pg_exclusive/transaction.hpp`.
  template <class F>
  auto try_run_once_in_transaction([[maybe_unused]] const lock_name &name,
                                   [[maybe_unused]] std::string_view slot,
                                   [[maybe_unused]] F &&f) {
    if constexpr (detail::has_transaction_forms<std::remove_cvref_t<F>>) {
      return run_once_in_transaction(detail::transaction_forms{}, *this, name,
                                     slot, std::forward<F>(f));
    } else {
      static_assert(detail::has_transaction_forms<std::remove_cvref_t<F>>,
                    "try_run_once_in_transaction() needs "
                    "#include <pg_exclusive/transaction.hpp>");
    }
  }

  /// Leads: waits for the lock and runs `f(hold &)` as the leader, for a term.
  /// When the lock is lost `f` should return (watch `hold::lost()`, or let
  /// `check()` throw).  The loss is told to `client_options::on_event`, or
  /// written to `std::cerr` when there is none.  Then it campaigns again, also
  /// while the server is away or a standby, its lock table full, the namespace
  /// paused, its quota used up, or the wait cancelled.  Returns true when `f`
  /// returned with the lock still held, false when a stop was requested.  `f`
  /// never runs twice at once.
  /// @throws what `f` throws while it leads; lock_error when campaigning cannot
  /// work as long as nothing else is done (42704, 42501, 40P01, …).
  template <class F>
  bool lead(const lock_name &name, F &&f, const std::stop_token &stop = {}) {
    static_assert(std::invocable<F, hold &>,
                  "what leads is called as f(pg_exclusive::hold &); a lambda "
                  "may be [](pg_exclusive::hold &term) { ... }");
    while (result<hold> elected = campaign(name, stop)) {
      hold held = *std::move(elected);
      try {
        detail::call_task(f, held);
        held.unlock();
        return true;
      } catch (const lock_lost &loss) {
        if (held.held()) throw;  // of some other lock
        report_lost_term(loss);
      }
    }
    return false;
  }

  /// Releases all holds, stops all waits and closes all sessions, within
  /// `deadline`, also when the server is frozen; what did not answer by then is
  /// cut off.  Holds that lived are lost (`loss_reason::client_closed`), later
  /// calls throw `lock_error` 08003.  Returns true iff the server confirmed
  /// every release and all waits have ended.
  bool close(std::chrono::milliseconds deadline = std::chrono::seconds(5));

  /// Counters since the client was made.
  [[nodiscard]] client_stats stats() const;

  /// Looks at the connection: makes one, asks, and closes it.  Also tells what
  /// the constructor would refuse: a pooler, a missing extension.
  [[nodiscard]] server_facts facts() const;

  /// True iff locks are the extension's, with tokens; false when the client
  /// goes without it.
  [[nodiscard]] bool has_extension() const noexcept;

  /// The options it was made with.
  [[nodiscard]] const client_options &options() const noexcept;

 private:
  friend struct detail::client_access;

  result<hold> take_for_task(const lock_name &name, const try_options &options);
  result<hold> take_for_task(const lock_name &name,
                             const lock_options &options);
  result<hold> take_for_run(const lock_name &name, std::string_view slot,
                            const once_options &options);
  result<hold> campaign(const lock_name &name, const std::stop_token &stop);
  void report_lost_term(const lock_lost &loss) const;

  std::shared_ptr<detail::client_core> core_;
};

}  // namespace pg_exclusive
