// Leases: locks that no session of the server holds.
//
// Each statement may run on another session, so nothing is prepared and nothing
// is SET.  A statement is one call.  The heartbeat renews all leases at once.
#include <algorithm>
#include <array>

#include "protocol/answers.hpp"
#include "protocol/binary_format.hpp"
#include "protocol/protocol.hpp"
#include "session/grant.hpp"

namespace pg_exclusive::detail {
namespace {

class lease_protocol final : public protocol {
 public:
  lease_protocol(std::string schema, std::chrono::milliseconds ttl)
      : schema_(std::move(schema)),
        ttl_(std::to_string(ttl.count()) + " milliseconds"),
        take_(
            "SELECT exclusive_internal._try_lease($1, $2, "
            "$3::pg_catalog.interval), exclusive_internal._details()"),
        release_("SELECT " + schema_ + ".release_lease($1, $2, $3)"),
        renew_("SELECT " + schema_ + ".renew_lease($1, $2, $3)") {}

  [[nodiscard]] bool has_tokens() const override { return true; }
  [[nodiscard]] bool has_leases() const override { return true; }
  [[nodiscard]] bool error_may_leave_lock() const override { return false; }

  prepared prepare(PGconn * /*connection*/) override { return {}; }

  bool send(PGconn *connection, std::span<request *const> calls) override {
    const request &c = *calls[0];
    const std::string third =
        c.kind == request_kind::take ? ttl_ : std::to_string(c.token);
    const std::string &statement = c.kind == request_kind::take     ? take_
                                   : c.kind == request_kind::unlock ? release_
                                                                    : renew_;
    const std::array<const char *, 3> values{
        c.name->namespace_.c_str(), c.name->key.c_str(), third.c_str()};
    return PQsendQueryParams(connection, statement.c_str(), 3, nullptr,
                             values.data(), nullptr, nullptr, 1) == 1;
  }

  void receive(PGconn *connection, const PGresult *result,
               std::span<request *const> calls) override {
    request &c = *calls[0];
    if (auto error = pq::error_of(connection, result)) {
      fail_all(*error, calls);
      return;
    }
    c.ok = !pq::is_null(result, 0, 0);
    if (c.kind != request_kind::take) {
      c.ok = c.ok && pq::binary_bool(result, 0, 0);
    } else if (c.ok) {
      c.wanted->granted(pq::binary_int8(result, 0, 0));
    } else if (!pq::is_null(result, 0, 1)) {
      read_details(pq::column(result, 0, 1), calls);
    }
  }

  bool send_heartbeat(PGconn *connection,
                      std::span<const held_lock> held) override {
    using namespace binary_format;
    array_builder namespaces(type_text, held.size());
    array_builder keys(type_text, held.size());
    array_builder tokens(type_int8, held.size());
    for (const auto &lock : held) {
      namespaces.add(lock.name->namespace_);
      keys.add(lock.name->key);
      tokens.add(lock.token);
    }
    static constexpr std::array<Oid, 3> types{type_text_array, type_text_array,
                                              type_int8_array};
    static constexpr std::array<int, 3> binary{1, 1, 1};
    const std::array<const char *, 3> values{
        namespaces.bytes().data(), keys.bytes().data(), tokens.bytes().data()};
    const std::array<int, 3> lengths{
        static_cast<int>(namespaces.bytes().size()),
        static_cast<int>(keys.bytes().size()),
        static_cast<int>(tokens.bytes().size())};
    return PQsendQueryParams(connection,
                             "SELECT held, asked FROM "
                             "exclusive_internal._renew_leases($1, $2, $3)",
                             3, types.data(), values.data(), lengths.data(),
                             binary.data(), 1) == 1;
  }

  heartbeat_reply read_heartbeat(const PGresult *result,
                                 std::span<const held_lock> held) override {
    heartbeat_reply answer;
    std::vector<std::int64_t> renewed = read_tokens(result, 0);
    std::sort(renewed.begin(), renewed.end());
    for (const auto &lock : held) {
      if (!std::binary_search(renewed.begin(), renewed.end(), lock.token)) {
        answer.lost.push_back(lock.token);
      }
    }
    answer.asked = read_tokens(result, 1);
    return answer;
  }

  // A wait would keep a session of the pool from the renewals of others.
  bool send_wait(PGconn * /*connection*/, const wanted_lock & /*lock*/,
                 std::optional<std::chrono::milliseconds> /*wait*/) override {
    return false;
  }
  wait_answer read_wait(PGconn *connection, const PGresult *result,
                        const lock_name &name) override {
    return {std::nullopt, pq::error_of(connection, result, name)};
  }

  bool begin_run(PGconn *connection, const lock_name &name, std::int64_t token,
                 std::string_view slot, const once_options &options) override {
    std::vector<std::string> values{
        name.namespace_, name.key, std::string(slot),
        options.on_crash == on_crash::skip ? "skip" : "retry",
        std::to_string(token)};
    std::string every;
    if (options.every) {
      every = ", every => $6::pg_catalog.interval";
      values.push_back(run_period(options));
    }
    const auto row = pq::exec(connection,
                              "SELECT " + schema_ +
                                  ".begin_run($1, $2, $3, $4, token => "
                                  "$5::pg_catalog.int8" +
                                  every + ")",
                              values);
    return pq::column(row.get(), 0, 0) == "t";
  }

  void finish_run(PGconn *connection, const lock_name &name, std::int64_t token,
                  std::string_view slot, bool succeeded) override {
    pq::exec(connection,
             "SELECT " + schema_ +
                 ".finish_run($1, $2, $3, $4::boolean, $5::pg_catalog.int8)",
             {name.namespace_, name.key, std::string(slot),
              succeeded ? "true" : "false", std::to_string(token)});
  }

 private:
  const std::string schema_;
  const std::string ttl_;
  const std::string take_;
  const std::string release_;
  const std::string renew_;
};

}  // namespace

std::unique_ptr<protocol> make_lease_protocol(std::string schema,
                                              std::chrono::milliseconds ttl) {
  return std::make_unique<lease_protocol>(std::move(schema), ttl);
}

}  // namespace pg_exclusive::detail
