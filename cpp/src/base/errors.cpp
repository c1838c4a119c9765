#include "base/errors.hpp"

#include <utility>

#include "base/to_string.hpp"

namespace pg_exclusive {

struct lock_error::facts {
  std::string sqlstate;
  std::optional<lock_name> name;
  std::string hint;
};

lock_error::lock_error(const std::string &message, std::string sqlstate,
                       std::optional<lock_name> name, std::string hint)
    : std::runtime_error(message),
      facts_(std::make_shared<const facts>(
          facts{std::move(sqlstate), std::move(name), std::move(hint)})) {}
lock_error::lock_error(const lock_error &) noexcept = default;
lock_error &lock_error::operator=(const lock_error &) noexcept = default;
lock_error::~lock_error() = default;

const std::string &lock_error::sqlstate() const noexcept {
  return facts_->sqlstate;
}
const std::optional<lock_name> &lock_error::name() const noexcept {
  return facts_->name;
}
const std::string &lock_error::hint() const noexcept { return facts_->hint; }

bool lock_error::is_connection_error() const noexcept {
  const std::string &state = facts_->sqlstate;
  // Class 08; the server is shutting down, starting up or has crashed; it has
  // no connection to spare.  A proxy in between does not go away.
  return (state.starts_with("08") && state != "08P01" && state != "08003") ||
         state.starts_with("57P0") || state == "53300";
}

namespace {

const char *sqlstate_of(loss_reason reason) {
  switch (reason) {
    case loss_reason::lease_expired:
      return "57P05";
    case loss_reason::lock_gone:
    case loss_reason::extension_appeared:
      return "55000";
    default:
      return "08006";
  }
}

std::string message_of(const lock_name &name, const loss_info &info) {
  std::string text =
      "lock \"" + name.to_string() + "\" was lost: " + to_string(info.reason);
  if (!info.detail.empty()) text += " (" + info.detail + ")";
  return text;
}

}  // namespace

lock_lost::lock_lost(const lock_name &name, loss_info info)
    : lock_error(
          message_of(name, info), sqlstate_of(info.reason), name,
          "Another node may have had the lock since " +
              to_string(info.others_may_run_since) +
              ".  Only a fencing token, checked where the work has its effect, "
              "protects in between."),
      info_(std::make_shared<const loss_info>(std::move(info))) {}
lock_lost::lock_lost(const lock_lost &) noexcept = default;
lock_lost &lock_lost::operator=(const lock_lost &) noexcept = default;
lock_lost::~lock_lost() = default;

loss_reason lock_lost::reason() const noexcept { return info_->reason; }
std::chrono::system_clock::time_point lock_lost::when() const noexcept {
  return info_->when;
}
std::chrono::system_clock::time_point lock_lost::others_may_run_since()
    const noexcept {
  return info_->others_may_run_since;
}
const loss_info &lock_lost::info() const noexcept { return *info_; }

namespace detail {

lock_error with_name(const lock_error &error, std::optional<lock_name> name) {
  return {error.what(), error.sqlstate(), std::move(name), error.hint()};
}

lock_error client_closed() { return {"the client is closed", "08003"}; }

}  // namespace detail
}  // namespace pg_exclusive
