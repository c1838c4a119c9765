#include "acquire/acquire_all.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "acquire/acquisition.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {
namespace {

// Releases on the server, in one round trip, what came after a refusal.
void give_back(session &s, const std::vector<grant *> &grants) {
  std::deque<unlock_request> requests;
  for (grant *g : grants) {
    requests.emplace_back(*g);
    if (requests.size() > 1) (requests.rbegin() + 1)->next = &requests.back();
  }
  if (requests.empty()) return;
  s.submit(requests.front(), requests.back());
  for (const auto &r : requests) {
    session_pool::unload(s);
    if (r.error) s.fail(loss_reason::connection_closed, r.error->what());
  }
}

}  // namespace

void acquire_free(acquire_context &owner, std::span<const lock_name> names,
                  const lock_options &options, std::vector<grant_ptr> &to) {
  std::deque<acquisition> ways;
  std::deque<request> requests;
  for (const auto &name : names) {
    ways.emplace_back(owner, name, options, 0, /*bound=*/true);
    if (!ways.back().begin_alone()) {
      ways.pop_back();
      break;
    }
    requests.emplace_back(request_kind::take);
    ways.back().fill(requests.back());
    if (requests.size() > 1) (requests.rbegin() + 1)->next = &requests.back();
  }
  if (ways.empty()) return;
  const session_ptr s = owner.sessions().pick(
      [&](const session_ptr &one) {
        return std::any_of(ways.begin(), ways.end(),
                           [&](acquisition &way) { return way.is_on(one); });
      },
      ways.front().patience());
  if (!s) return;  // not in time, which the caller finds again
  s->load.fetch_add(static_cast<int>(ways.size()) - 1,
                    std::memory_order_relaxed);
  s->submit(requests.front(), requests.back());
  std::vector<grant *> too_much;
  bool refused = false;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const request &r = requests[i];
    if (!r.ok) {
      session_pool::unload(*s);
    } else if (refused) {
      too_much.push_back(r.wanted.get());
    } else {
      try {
        to.push_back(*ways[i].accepted(r.sent));
        continue;
      } catch (const lock_error &) {  // NOLINT(bugprone-empty-catch)
        // It was lost meanwhile.  The caller asks for it again.
      }
    }
    refused = true;
  }
  give_back(*s, too_much);
}

void release_group::destroy(acquire_context &owner,
                            const grant_ptr &held) noexcept {
  started mine{held, std::make_unique<release>(owner, *held)};
  std::vector<started> all;
  {
    const std::lock_guard guard(access_);
    mine.leaving->start(--members_ == 0);
    started_.push_back(std::move(mine));
    if (members_ == 0) all.swap(started_);
  }
  for (const auto &one : all) one.leaving->end();
}

void release_group::leave() noexcept {
  std::vector<started> all;
  {
    const std::lock_guard guard(access_);
    if (--members_ == 0) all.swap(started_);
  }
  for (const auto &one : all) one.leaving->end();
}

}  // namespace pg_exclusive::detail
