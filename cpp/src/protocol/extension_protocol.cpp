// The extension's internal functions.  What travels often is a prepared
// statement with binary parameters and a scalar for an answer, because a row of
// many columns costs more than the lock.
#include <array>

#include "protocol/binary_format.hpp"
#include "protocol/protocol.hpp"

namespace pg_exclusive::detail {
namespace {

constexpr const char *take_one = "pg_exclusive_try";
constexpr const char *unlock_one = "pg_exclusive_unlock";
constexpr const char *take_many = "pg_exclusive_calls";
constexpr const char *heartbeat = "pg_exclusive_heartbeat";

// The parameters of a statement, in binary.
class parameters {
 public:
  void add(std::string_view bytes) {
    values_[n_] = bytes.data();
    lengths_[n_] = static_cast<int>(bytes.size());
    ++n_;
  }
  bool send(PGconn *connection, const char *statement) const {
    static constexpr std::array<int, 4> binary{1, 1, 1, 1};
    return PQsendQueryPrepared(connection, statement, n_, values_.data(),
                               lengths_.data(), binary.data(), 1) == 1;
  }

 private:
  int n_ = 0;
  std::array<const char *, 4> values_{};
  std::array<int, 4> lengths_{};
};

char letter(const request &c) {
  switch (c.kind) {
    case request_kind::unlock:
      return 'u';
    case request_kind::holds:
      return 'h';
    default:
      return c.mode == lock_mode::shared ? 's' : 'x';
  }
}

// What the server tells of an element that was refused or failed.
enum detail_field {
  ordinal,
  sqlstate,
  message,
  hint,
  pid,
  role,
  application,
  address,
  since,
  fields
};

std::optional<holder_info> read_holder(
    std::span<const std::string_view> detail) {
  holder_info holder;
  if (!detail[pid].empty()) holder.pid = pq::number<int>(detail[pid]);
  holder.role = detail[role];
  holder.application_name = detail[application];
  holder.client_addr = detail[address];
  if (!detail[since].empty()) {
    holder.acquired_at = std::chrono::system_clock::time_point(
        std::chrono::microseconds(pq::number<std::int64_t>(detail[since])));
  }
  if (holder.pid == 0 && holder.role.empty()) return std::nullopt;
  return holder;
}

void read_details(std::string_view bytes, std::span<request *const> calls) {
  const auto strings = binary_format::read_array(bytes);
  if (strings.size() % fields != 0) throw pq::wrong_shape();
  for (std::size_t at = 0; at < strings.size(); at += fields) {
    const std::span detail(strings.data() + at, fields);
    const auto index = pq::number<std::size_t>(detail[ordinal]) - 1;
    if (index >= calls.size()) throw pq::wrong_shape();
    request &c = *calls[index];
    if (detail[sqlstate].empty()) {
      c.holder = read_holder(detail);
    } else {
      c.error.emplace(std::string(detail[message]),
                      std::string(detail[sqlstate]), c.optional_name(),
                      std::string(detail[hint]));
    }
  }
}

// The server counts half of what it is given.
std::string period(const once_options &options) {
  const std::int64_t every = options.every->count();
  if (!options.exact) return std::to_string(every);
  return std::to_string(every > INT64_MAX / 2 ? every : 2 * every);
}

void answer(request &c, std::optional<std::int64_t> value) {
  c.ok = value.has_value();
  if (c.ok && c.kind == request_kind::take) c.token = *value;
}

class extension_protocol final : public protocol {
 public:
  explicit extension_protocol(std::string schema)
      : schema_(std::move(schema)) {}

  [[nodiscard]] bool has_tokens() const override { return true; }
  [[nodiscard]] std::optional<std::string> schema() const override {
    return schema_;
  }
  [[nodiscard]] bool error_may_leave_lock() const override { return false; }

  void prepare(pq::pipeline &to) const override {
    using namespace binary_format;
    const std::string details = ", exclusive_internal._details()";
    to.prepare(take_one, "SELECT exclusive_internal._try($1, $2, $3)" + details,
               {type_text, type_text, type_char});
    to.prepare(unlock_one, "SELECT exclusive_internal._unlock($1)",
               {type_int8});
    to.prepare(take_many,
               "SELECT exclusive_internal._calls($1, $2, $3, $4)" + details,
               {type_text, type_text_array, type_text_array, type_int8_array});
    to.prepare(heartbeat,
               "SELECT nonce, lost FROM exclusive_internal._heartbeat($1)",
               {type_int8_array});
    to.query(last_look("nonce") + " FROM exclusive_internal._session()");
  }

  bool send(PGconn *connection, std::span<request *const> calls) override {
    if (calls.size() > 1) return send_many(connection, calls);
    const request &c = *calls[0];
    const binary_format::int8 token(c.token);
    const char mode = letter(c);
    parameters p;
    switch (c.kind) {
      case request_kind::take:
        if (c.permits > 0) return send_permit(connection, c);
        p.add(c.name->namespace_);
        p.add(c.name->key);
        p.add({&mode, 1});
        return p.send(connection, take_one);
      case request_kind::unlock:
        p.add({token.bytes.data(), token.bytes.size()});
        return p.send(connection, unlock_one);
      case request_kind::begin_run:
        return send_begin_run(connection, c);
      case request_kind::finish_run:
        return send_finish_run(connection, c);
      default:
        return send_many(connection, calls);
    }
  }

  void receive(PGconn *connection, const PGresult *result,
               std::span<request *const> calls) override {
    if (auto error = pq::error_of(connection, result)) {
      for (request *c : calls) c->fail(*error);
      return;
    }
    request &first = *calls[0];
    if (calls.size() == 1 && first.kind == request_kind::unlock) {
      first.ok = !pq::is_null(result, 0, 0) && pq::binary_bool(result, 0, 0);
      return;
    }
    if (first.kind == request_kind::begin_run) {
      if (pq::is_null(result, 0, 0)) {
        first.fail({"the lock session does not hold the lock", "55000"});
      } else {
        first.ok = pq::text_bool(result, 0, 0);
      }
      return;
    }
    if (first.kind == request_kind::finish_run) {
      first.ok = true;
      return;
    }
    if (calls.size() == 1 && first.kind == request_kind::take) {
      if (pq::is_null(result, 0, 0)) {
        first.ok = false;
      } else {
        answer(first, pq::binary_int8(result, 0, 0));
      }
    } else {
      const auto values =
          binary_format::read_int8_array(pq::column(result, 0, 0));
      if (values.size() != calls.size()) throw pq::wrong_shape();
      for (std::size_t i = 0; i < calls.size(); ++i) {
        answer(*calls[i], values[i]);
      }
    }
    if (!pq::is_null(result, 0, 1)) {
      read_details(pq::column(result, 0, 1), calls);
    }
  }

  bool send_heartbeat(PGconn *connection,
                      std::span<const held_lock> held) override {
    binary_format::array_builder tokens(binary_format::type_int8, held.size());
    for (const auto &lock : held) tokens.add(lock.token);
    parameters p;
    p.add(tokens.bytes());
    return p.send(connection, heartbeat);
  }

  heartbeat_reply read_heartbeat(const PGresult *result,
                                 std::span<const held_lock> /*held*/) override {
    heartbeat_reply answer;
    answer.nonce = pq::binary_int8(result, 0, 0);
    if (pq::is_null(result, 0, 1)) return answer;
    for (const auto token :
         binary_format::read_int8_array(pq::column(result, 0, 1))) {
      if (token) answer.lost.push_back(*token);
    }
    return answer;
  }

  bool send_wait(PGconn *connection, const wanted_lock &lock,
                 std::optional<std::chrono::milliseconds> wait) override {
    const std::string limit =
        wait ? std::to_string(wait->count()) + " milliseconds" : "";
    const std::string permits = std::to_string(lock.permits);
    const char *mode = lock.mode == lock_mode::shared ? "shared" : "exclusive";
    const std::string statement =
        std::string("CALL exclusive_internal.") +
        (lock.permits > 0 ? "_wait_permit" : "_wait_lock") +
        "($1, $2, $3, $4, NULL)";
    const std::array<const char *, 4> values{
        lock.name.namespace_.c_str(), lock.name.key.c_str(),
        lock.permits > 0 ? permits.c_str() : mode,
        wait ? limit.c_str() : nullptr};
    return PQsendQueryParams(connection, statement.c_str(), 4, nullptr,
                             values.data(), nullptr, nullptr, 0) == 1;
  }

  wait_answer read_wait(PGconn *connection, const PGresult *result,
                        const lock_name &name) override {
    wait_answer answer;
    answer.error = pq::error_of(connection, result, name);
    if (!answer.error && !pq::is_null(result, 0, 0)) {
      answer.token = pq::number<std::int64_t>(pq::column(result, 0, 0));
    }
    return answer;
  }

 private:
  static bool send_many(PGconn *connection, std::span<request *const> calls) {
    std::string ops;
    binary_format::array_builder namespaces(binary_format::type_text,
                                            calls.size());
    binary_format::array_builder keys(binary_format::type_text, calls.size());
    binary_format::array_builder tokens(binary_format::type_int8, calls.size());
    for (const request *c : calls) {
      const bool named = c->kind == request_kind::take;
      ops.push_back(letter(*c));
      namespaces.add(named ? std::string_view(c->name->namespace_)
                           : std::string_view());
      keys.add(named ? std::string_view(c->name->key) : std::string_view());
      tokens.add(c->token);
    }
    parameters p;
    p.add(ops);
    p.add(namespaces.bytes());
    p.add(keys.bytes());
    p.add(tokens.bytes());
    return p.send(connection, take_many);
  }

  bool send_permit(PGconn *connection, const request &c) const {
    const char *statement =
        "SELECT exclusive_internal._try_permit($1, $2, $3), "
        "exclusive_internal._details()";
    const std::string permits = std::to_string(c.permits);
    const std::array<const char *, 3> values{
        c.name->namespace_.c_str(), c.name->key.c_str(), permits.c_str()};
    return PQsendQueryParams(connection, statement, 3, nullptr, values.data(),
                             nullptr, nullptr, 1) == 1;
  }

  // A request for a lock may be on its way just before.  Where it is refused,
  // nothing is recorded, and the server's log has no error.
  bool send_begin_run(PGconn *connection, const request &c) const {
    std::vector<std::string> values{
        c.name->namespace_, c.name->key, std::string(c.slot),
        c.run->on_crash == on_crash::skip ? "skip" : "retry"};
    std::string every;
    if (c.run->every) {
      every = ", $5::pg_catalog.interval";
      values.push_back(period(*c.run) + " milliseconds");
    }
    return send_text(connection,
                     "SELECT CASE WHEN " + schema_ +
                         ".holds_lock($1, $2) THEN " + schema_ +
                         ".begin_run($1, $2, $3, $4" + every + ") END",
                     values);
  }

  bool send_finish_run(PGconn *connection, const request &c) const {
    return send_text(
        connection,
        "SELECT " + schema_ + ".finish_run($1, $2, $3, $4::boolean)",
        {c.name->namespace_, c.name->key, std::string(c.slot),
         c.succeeded ? "true" : "false"});
  }

  static bool send_text(PGconn *connection, const std::string &statement,
                        const std::vector<std::string> &parameters) {
    std::vector<const char *> values;
    values.reserve(parameters.size());
    for (const auto &text : parameters) values.push_back(text.c_str());
    return PQsendQueryParams(connection, statement.c_str(),
                             static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0) == 1;
  }

  std::string schema_;
};

}  // namespace

std::unique_ptr<protocol> make_extension_protocol(std::string schema) {
  return std::make_unique<extension_protocol>(std::move(schema));
}

}  // namespace pg_exclusive::detail
