/// @file
/// The differences between the majors of libpqxx, each in its own way.
///
/// Everything that takes or returns a type of libpqxx is in an inline namespace
/// per major, so that objects compiled against different ones can be linked
/// together.
#pragma once

#include <memory>
#include <pqxx/pqxx>
#include <pqxx/version>
#include <string>

#if PQXX_VERSION_MAJOR >= 8
#define PG_EXCLUSIVE_PQXX pqxx8
#elif PQXX_VERSION_MAJOR == 7
#define PG_EXCLUSIVE_PQXX pqxx7
#elif PQXX_VERSION_MAJOR == 6
#define PG_EXCLUSIVE_PQXX pqxx6
#else
#error "pg_exclusive needs libpqxx 6.4 or newer"
#endif

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

/// Opens a connection that never reconnects by itself.
inline std::unique_ptr<pqxx::connection> connect(const std::string &conninfo) {
  auto connection = std::make_unique<pqxx::connection>(conninfo);
#if PQXX_VERSION_MAJOR == 6
  // Deprecated because newer ones never do.  6.4 would go on, on a new backend,
  // after the work and the lock of the old one are gone.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
  return connection;
}

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
