/// @file
/// The connections a client runs transactions on, behind `transaction.hpp`.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/detail/client_access.hpp"
#include "pg_exclusive/detail/pqxx_compat.hpp"
#include "pg_exclusive/detail/transaction_lock.hpp"

namespace pg_exclusive {
namespace detail {
inline namespace PG_EXCLUSIVE_PQXX {

/// Idle connections of one client.  Lock sessions are never among them.
class transaction_pool {
 public:
  static constexpr std::size_t most_idle = 4;

  using connection_ptr = std::unique_ptr<pqxx::connection>;

  static std::shared_ptr<transaction_pool> of(const client &locks) {
    return std::static_pointer_cast<transaction_pool>(client_access::attachment(
        locks, typeid(transaction_pool), []() -> std::shared_ptr<void> {
          return std::make_shared<transaction_pool>();
        }));
  }

  connection_ptr take_idle() {
    const std::lock_guard guard(access_);
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void put(connection_ptr connection) {
    const std::lock_guard guard(access_);
    if (idle_.size() < most_idle) idle_.push_back(std::move(connection));
  }

 private:
  std::mutex access_;
  std::vector<connection_ptr> idle_;  // under access_
};

/// Calls what works in a transaction.  This is the one place where the compiler
/// refuses what cannot be called so.
template <class F>
decltype(auto) call_work([[maybe_unused]] F &&f,
                         [[maybe_unused]] pqxx::work &tx) {
  if constexpr (std::invocable<F, pqxx::work &>) {
    return std::invoke(std::forward<F>(f), tx);
  } else {
    static_assert(std::invocable<F, pqxx::work &>,
                  "the work is called as f(pqxx::work &); "
                  "a lambda may be [](pqxx::work &tx) { ... }");
  }
}

/// What the work returns.
template <class F>
using work_result =
    decltype(call_work(std::declval<F>(), std::declval<pqxx::work &>()));

/// Runs `f` if the lock was taken, and commits.
template <class F>
result<work_result<F>> work_and_commit(pqxx::work &tx,
                                       const result<void> &taken, F &&f) {
  using R = work_result<F>;
  if (!taken) return result<R>(taken.outcome(), taken.refused_by());
  auto done =
      keep_result<R>([&]() -> R { return call_work(std::forward<F>(f), tx); });
  tx.commit();
  return done;
}

/// A started transaction on a connection of its own, its lock taken or not.
struct started {
  transaction_pool::connection_ptr connection;
  std::unique_ptr<pqxx::work> tx;
  result<void> taken{outcome::busy};
};

template <class Take>
started start(transaction_pool::connection_ptr connection, const client &locks,
              const lock_name &name, Take &take) {
  started it{std::move(connection), nullptr};
  it.tx = std::make_unique<pqxx::work>(*it.connection);
  const bool without =
      locks.options().without_extension == missing_extension_policy::allow;
  auto schema = as_lock_error(name, [&] { return look_up_schema(*it.tx); });
  if (!schema && !without) throw missing_extension(name);
  it.taken = take(*it.tx, schema);
  return it;
}

/// Takes the lock with `take(tx, schema)` in a transaction on a connection of
/// the client's, runs `f(tx)` and commits.  An idle connection may have died
/// meanwhile: as long as nothing was run on it, a new one takes its place.
template <class Take, class F>
result<work_result<F>> with_transaction(const client &locks, Take take,
                                        const lock_name &name, F &&f) {
  const auto pool = transaction_pool::of(locks);
  std::optional<started> begun;
  if (auto idle = pool->take_idle()) {
    try {
      begun = start(std::move(idle), locks, name, take);
    } catch (const pqxx::broken_connection &) {
      begun.reset();
    }
  }
  if (!begun) {
    begun = start(connect(client_access::conninfo(locks)), locks, name, take);
  }
  auto done = work_and_commit(*begun->tx, begun->taken, std::forward<F>(f));
  begun->tx.reset();
  pool->put(std::move(begun->connection));
  return done;
}

}  // namespace PG_EXCLUSIVE_PQXX
}  // namespace detail
}  // namespace pg_exclusive
