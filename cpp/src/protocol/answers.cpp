#include "protocol/answers.hpp"

#include "protocol/binary_format.hpp"

namespace pg_exclusive::detail {
namespace {

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

}  // namespace

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
                      std::string(detail[sqlstate]),
                      c.name == nullptr ? std::nullopt : std::optional(*c.name),
                      std::string(detail[hint]));
    }
  }
}

void fail_all(const lock_error &error, std::span<request *const> calls) {
  for (request *c : calls) {
    c->ok = false;
    c->error.emplace(
        error.what(), error.sqlstate(),
        c->name == nullptr ? std::nullopt : std::optional(*c->name),
        error.hint());
  }
}

std::string run_period(const once_options &options) {
  std::int64_t every = options.every->count();
  if (options.exact && every <= INT64_MAX / 2) every *= 2;
  return std::to_string(every) + " milliseconds";
}

std::vector<std::int64_t> read_tokens(const PGresult *result, int column) {
  std::vector<std::int64_t> tokens;
  if (pq::is_null(result, 0, column)) return tokens;
  for (const auto token :
       binary_format::read_int8_array(pq::column(result, 0, column))) {
    if (token) tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace pg_exclusive::detail
