/// @file
/// Running a callable under a lock.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pg_exclusive/hold.hpp"
#include "pg_exclusive/result.hpp"

namespace pg_exclusive {

/// What can run under a lock: `f()` or `f(hold &)`.
template <class F>
concept task = std::invocable<F, hold &> || std::invocable<F>;

namespace detail {

/// Calls a task.  This is the one place where the compiler refuses what is no
/// task, so that it says one sentence.
template <class F>
decltype(auto) call_task([[maybe_unused]] F &&f, [[maybe_unused]] hold &held) {
  if constexpr (std::invocable<F, hold &>) {
    return std::invoke(std::forward<F>(f), held);
  } else if constexpr (std::invocable<F>) {
    return std::invoke(std::forward<F>(f));
  } else {
    static_assert(task<F>,
                  "a task is called as f() or as f(pg_exclusive::hold &); "
                  "a lambda may be [] { ... } or "
                  "[](pg_exclusive::hold &held) { ... }");
  }
}

/// What a task returns.
template <class F>
using task_result =
    decltype(call_task(std::declval<F>(), std::declval<hold &>()));

/// Calls `f` and keeps what it returns, be it nothing or a reference.
template <class R, class F>
result<R> keep_result(F &&f) {
  if constexpr (std::is_void_v<R>) {
    std::forward<F>(f)();
    return result<R>(std::in_place);
  } else {
    return result<R>(std::in_place, std::forward<F>(f)());
  }
}

/// Runs `f` under `granted`, then gives the lock back.  What `f` throws passes
/// through, and frees the lock.
template <class F>
result<task_result<F>> run_under(result<hold> &&granted, F &&f) {
  using returned = result<task_result<F>>;
  if (!granted) return returned(granted.outcome(), granted.refused_by());
  hold held = *std::move(granted);
  returned done = keep_result<task_result<F>>(
      [&]() -> task_result<F> { return call_task(std::forward<F>(f), held); });
  held.unlock();
  return done;
}

/// Tells the server how a run ended, whichever way it ends, and unlocks.
class run_record {
 public:
  run_record(hold &held, std::string_view slot) : held_(held), slot_(slot) {}
  run_record(const run_record &) = delete;
  run_record &operator=(const run_record &) = delete;
  ~run_record() {
    if (!open_) return;
    try {
      held_.end_run(slot_, false);
    } catch (...) {  // NOLINT(bugprone-empty-catch): it counts as crashed
    }
  }

  void succeeded() {
    open_ = false;
    held_.end_run(slot_, true);
  }

 private:
  hold &held_;
  std::string slot_;
  bool open_ = true;
};

}  // namespace detail
}  // namespace pg_exclusive
