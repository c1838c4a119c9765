/// @file
/// The differences between the majors of libpqxx, each in its own way.
///
/// Everything that takes or returns a type of libpqxx is in an inline namespace
/// per major, so that objects compiled against different ones can be linked
/// together.
#pragma once

#include <pqxx/pqxx>
#include <pqxx/version>
#include <string>
#include <utility>

#if PQXX_VERSION_MAJOR >= 8
#define PG_EXCLUSIVE_PQXX pqxx8
#elif PQXX_VERSION_MAJOR == 7
#define PG_EXCLUSIVE_PQXX pqxx7
#elif PQXX_VERSION_MAJOR == 6
#define PG_EXCLUSIVE_PQXX pqxx6
#else
#error "pg_exclusive needs libpqxx 6.4 or newer"
#endif

struct pg_conn;

namespace pg_exclusive {
namespace detail {
inline namespace PG_EXCLUSIVE_PQXX {

/// Runs one statement with parameters, which are texts: GCC 14 warns about what
/// libpqxx 7.10 does with others.
template <class... Text>
pqxx::result exec(pqxx::transaction_base &tx, const std::string &sql,
                  const Text &...texts) {
#if PQXX_VERSION_MAJOR >= 8 || \
    (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 9)
  return tx.exec(sql, pqxx::params{std::string(texts)...});
#else
  return tx.exec_params(sql, std::string(texts)...);
#endif
}

/// A connection of libpq as one of libpqxx, for a while.  It stays its owner's.
#if PQXX_VERSION_MAJOR == 6
class adopted_connection {
 public:
  explicit adopted_connection(pg_conn *connection) : pqxx_(connection) {}
  pqxx::connection_base &get() { return pqxx_; }

 private:
  class policy : public pqxx::connectionpolicy {
   public:
    explicit policy(pg_conn *connection)
        : pqxx::connectionpolicy(std::string()), connection_(connection) {}
    // Once.  6.4 would go on, on a new backend, after the work and the lock of
    // the old one are gone.
    handle do_startconnect(handle now) override {
      return now != nullptr ? now : std::exchange(connection_, nullptr);
    }
    handle do_completeconnect(handle now) override { return now; }
    handle do_dropconnect(handle /*now*/) noexcept override { return nullptr; }
    handle do_disconnect(handle /*now*/) noexcept override { return nullptr; }
    [[nodiscard]] bool is_ready(handle now) const noexcept override {
      return now != nullptr;
    }

   private:
    pg_conn *connection_;
  };

  class adopted : public pqxx::connection_base {
   public:
    explicit adopted(pg_conn *connection)
        : pqxx::connection_base(policy_), policy_(connection) {
      init();
    }
    adopted(const adopted &) = delete;
    adopted &operator=(const adopted &) = delete;
    ~adopted() { close(); }

   private:
    policy policy_;
  };

  adopted pqxx_;
};
#else
class adopted_connection {
 public:
  explicit adopted_connection(pg_conn *connection)
      : pqxx_(pqxx::connection::seize_raw_connection(connection)) {}
  adopted_connection(const adopted_connection &) = delete;
  adopted_connection &operator=(const adopted_connection &) = delete;
  ~adopted_connection() {
    static_cast<void>(std::move(pqxx_).release_raw_connection());
  }
  pqxx::connection &get() { return pqxx_; }

 private:
  pqxx::connection pqxx_;
};
#endif

/// The SQLSTATE of a server error; 6.4 leaves it empty for some.
inline std::string sqlstate(const pqxx::sql_error &error) {
  // From 8 on it is a view.
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::string state(error.sqlstate());
  return state.empty() ? "XX000" : state;
}

}  // namespace PG_EXCLUSIVE_PQXX
}  // namespace detail
}  // namespace pg_exclusive
