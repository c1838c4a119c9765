// Without the extension: the same ids as built-in advisory locks.
//
// No tokens, no names on the server, nobody's privileges are checked; a wait
// holds a snapshot.  The id of a lock stands where its token would.
#include <algorithm>
#include <array>
#include <climits>

#include "pg_exclusive/detail/client_access.hpp"
#include "protocol/binary_format.hpp"
#include "protocol/protocol.hpp"

namespace pg_exclusive::detail {
namespace {

constexpr const char *many = "pg_exclusive_calls";
constexpr const char *heartbeat = "pg_exclusive_heartbeat";

// The rows of pg_locks that are advisory locks with a bigint id, here.
constexpr const char *our_locks =
    "(SELECT l.pid, l.granted, (l.classid::bigint OPERATOR(pg_catalog.<<) 32) "
    "OPERATOR(pg_catalog.|) l.objid::bigint AS id "
    "FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d "
    "ON d.oid OPERATOR(pg_catalog.=) l.database "
    "WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' "
    "AND l.objsubid OPERATOR(pg_catalog.=) 1 "
    "AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) k ";

// Answers each request.  Where a lock was refused, also tells who has it.
std::string many_statement() {
  return std::string(
             "SELECT r.n, r.ok, h.pid, h.role, h.application, h.address FROM "
             "(SELECT n, o, i, CASE o"
             " WHEN 'x' THEN pg_catalog.pg_try_advisory_lock(i)"
             " WHEN 's' THEN pg_catalog.pg_try_advisory_lock_shared(i)"
             " WHEN 'u' THEN pg_catalog.pg_advisory_unlock(i)"
             " WHEN 'v' THEN pg_catalog.pg_advisory_unlock_shared(i)"
             " ELSE EXISTS (SELECT FROM ") +
         our_locks +
         "WHERE k.id OPERATOR(pg_catalog.=) i AND k.granted "
         "AND k.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()) END "
         "AS ok FROM ROWS FROM (pg_catalog.string_to_table($1, NULL), "
         "pg_catalog.unnest($2)) WITH ORDINALITY AS c(o, i, n) OFFSET 0) r "
         "LEFT JOIN LATERAL (SELECT a.pid::text, a.usename::text, "
         "a.application_name, pg_catalog.host(a.client_addr) FROM " +
         our_locks +
         "JOIN pg_catalog.pg_stat_activity a "
         "ON a.pid OPERATOR(pg_catalog.=) k.pid "
         "WHERE NOT r.ok AND r.o OPERATOR(pg_catalog.=) ANY ('{x,s}') "
         "AND k.granted AND k.id OPERATOR(pg_catalog.=) r.i LIMIT 1) "
         "h(pid, role, application, address) ON true";
}

std::string nonce_expression() {
  return "(SELECT (1000000 OPERATOR(pg_catalog.*) extract(epoch FROM "
         "backend_start))::bigint OPERATOR(pg_catalog.+) pid FROM "
         "pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()))";
}

std::string heartbeat_statement() {
  return "SELECT " + nonce_expression() +
         ", ARRAY(SELECT i FROM pg_catalog.unnest($1) i "
         "WHERE NOT EXISTS (SELECT FROM " +
         our_locks +
         "WHERE k.id OPERATOR(pg_catalog.=) i AND k.granted AND "
         "k.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())), "
         "EXISTS (SELECT FROM pg_catalog.pg_extension "
         "WHERE extname OPERATOR(pg_catalog.=) 'pg_exclusive')";
}

char letter(const request &c) {
  const bool shared = c.mode == lock_mode::shared;
  switch (c.kind) {
    case request_kind::unlock:
      return shared ? 'v' : 'u';
    case request_kind::holds:
      return 'h';
    default:
      return shared ? 's' : 'x';
  }
}

class builtin_protocol final : public protocol {
 public:
  [[nodiscard]] bool has_tokens() const override { return false; }
  [[nodiscard]] std::optional<std::string> schema() const override {
    return std::nullopt;
  }
  [[nodiscard]] bool error_may_leave_lock() const override { return true; }

  void prepare(pq::pipeline &to) const override {
    to.prepare(many, many_statement(),
               {binary_format::type_text, binary_format::type_int8_array});
    to.prepare(heartbeat, heartbeat_statement(),
               {binary_format::type_int8_array});
    to.query(last_look(nonce_expression()));
  }

  bool send(PGconn *connection, std::span<request *const> calls) override {
    if (calls[0]->alone()) {  // needs the extension, see receive()
      return PQsendQueryParams(connection, "SELECT", 0, nullptr, nullptr,
                               nullptr, nullptr, 0) == 1;
    }
    std::string ops;
    binary_format::array_builder ids(binary_format::type_int8, calls.size());
    for (const request *c : calls) {
      ops.push_back(letter(*c));
      ids.add(c->kind == request_kind::take ? c->name->id() : c->token);
    }
    const std::array<const char *, 2> values{ops.data(), ids.bytes().data()};
    const std::array<int, 2> lengths{static_cast<int>(ops.size()),
                                     static_cast<int>(ids.bytes().size())};
    static constexpr std::array<int, 2> binary{1, 1};
    return PQsendQueryPrepared(connection, many, 2, values.data(),
                               lengths.data(), binary.data(), 1) == 1;
  }

  void receive(PGconn *connection, const PGresult *result,
               std::span<request *const> calls) override {
    if (auto error = pq::error_of(connection, result)) {
      for (request *c : calls) c->fail(*error);
      return;
    }
    if (calls[0]->alone()) {
      calls[0]->fail(missing_extension(std::nullopt));
      return;
    }
    if (PQntuples(result) != static_cast<int>(calls.size())) {
      throw pq::wrong_shape();
    }
    for (int row = 0; row < PQntuples(result); ++row) {
      const auto n = pq::binary_int8(result, row, 0);
      if (n < 1 || n > PQntuples(result)) throw pq::wrong_shape();
      request &c = *calls[static_cast<std::size_t>(n) - 1];
      c.ok = pq::binary_bool(result, row, 1);
      if (c.kind != request_kind::take) continue;
      if (c.ok) c.token = c.name->id();
      if (!c.ok) c.holder = read_holder(result, row);
    }
  }

  bool send_heartbeat(PGconn *connection,
                      std::span<const held_lock> held) override {
    binary_format::array_builder ids(binary_format::type_int8, held.size());
    for (const auto &lock : held) ids.add(lock.token);
    const char *value = ids.bytes().data();
    const int length = static_cast<int>(ids.bytes().size());
    const int binary = 1;
    return PQsendQueryPrepared(connection, heartbeat, 1, &value, &length,
                               &binary, 1) == 1;
  }

  heartbeat_reply read_heartbeat(const PGresult *result,
                                 std::span<const held_lock> /*held*/) override {
    heartbeat_reply answer;
    answer.nonce = pq::binary_int8(result, 0, 0);
    for (const auto id :
         binary_format::read_int8_array(pq::column(result, 0, 1))) {
      if (id) answer.lost.push_back(*id);
    }
    answer.extension_appeared = pq::binary_bool(result, 0, 2);
    return answer;
  }

  bool send_wait(PGconn *connection, const wanted_lock &lock,
                 std::optional<std::chrono::milliseconds> wait) override {
    if (lock.permits > 0) throw missing_extension(lock.name);
    // Zero would mean no limit, and more than 24 days an error: we ask again.
    const auto limit =
        wait ? std::clamp<std::int64_t>(wait->count(), 1, INT_MAX) : 0;
    pq::exec(connection,
             "SELECT pg_catalog.set_config('lock_timeout', $1, false)",
             {std::to_string(limit)});
    const char *statement =
        lock.mode == lock_mode::shared
            ? "SELECT pg_catalog.pg_advisory_lock_shared($1::bigint)"
            : "SELECT pg_catalog.pg_advisory_lock($1::bigint)";
    const std::string id = std::to_string(lock.name.id());
    const char *value = id.c_str();
    return PQsendQueryParams(connection, statement, 1, nullptr, &value, nullptr,
                             nullptr, 0) == 1;
  }

  wait_answer read_wait(PGconn *connection, const PGresult *result,
                        const lock_name &name) override {
    wait_answer answer;
    answer.error = pq::error_of(connection, result, name);
    if (answer.error && answer.error->sqlstate() == "55P03") {
      answer.error.reset();
    } else if (!answer.error) {
      answer.token = name.id();
    }
    return answer;
  }

 private:
  static std::optional<holder_info> read_holder(const PGresult *result,
                                                int row) {
    if (pq::is_null(result, row, 2)) return std::nullopt;
    holder_info holder;
    holder.pid = pq::number<int>(pq::column(result, row, 2));
    holder.role = pq::column(result, row, 3);
    holder.application_name = pq::column(result, row, 4);
    holder.client_addr = pq::column(result, row, 5);
    return holder;
  }
};

}  // namespace

std::unique_ptr<protocol> make_builtin_protocol() {
  return std::make_unique<builtin_protocol>();
}

}  // namespace pg_exclusive::detail
