// Tokens rise per name, the resource accepts them in order, and nothing that
// was written under the lock is lost.

#include <map>
#include <set>
#include <unordered_map>

#include "checker/by_name.hpp"
#include "checker/models.hpp"

namespace harness {
namespace {

std::string not_larger(const Hold &before, const Hold &after) {
  return "token " + std::to_string(after.token) + " was granted after " +
         std::to_string(before.token);
}

// `before` certainly came before `after`.
void check_pair(const Hold *before, const Hold *after, Violations &violations) {
  if (before->token >= after->token) {
    violations.push_back({"token-order",
                          not_larger(*before, *after),
                          {before->grant_event, after->grant_event}});
  }
}

// Every grant answered before another was asked for has the smaller token,
// whatever the modes: both are drawn while held.
void check_separate(const HoldList &list, Violations &violations) {
  const HoldList largest =
      prefix_maximum(list, [](const Hold &hold) { return hold.token; });
  for (const Hold *hold : list) {
    const std::size_t before = granted_before(list, hold->asked);
    if (before > 0) {
      check_pair(largest[before - 1], hold, violations);
    }
  }
}

// An exclusive hold that certainly existed at a moment when another grant had
// been answered came after it, even if both were asked for at once.
void check_excluding(const HoldList &earlier, const HoldList &later,
                     Violations &violations) {
  const HoldList largest =
      prefix_maximum(earlier, [](const Hold &hold) { return hold.token; });
  for (const Hold *hold : later) {
    const std::size_t before = granted_before(earlier, hold->granted);
    if (hold->confirmed() && before > 0) {
      check_pair(largest[before - 1], hold, violations);
    }
  }
}

void check_unique(const HoldList &list, Violations &violations) {
  std::unordered_map<std::int64_t, const Hold *> seen;
  for (const Hold *hold : list) {
    const auto [other, fresh] = seen.emplace(hold->token, hold);
    if (!fresh) {
      violations.push_back(
          {"token-order",
           "token " + std::to_string(hold->token) + " was granted twice",
           {other->second->grant_event, hold->grant_event}});
    }
  }
}

using WriteList = std::vector<const Write *>;

// For each write, the largest `value` among those answered before it was
// asked for must not be above (`strict`: not even equal to) its own.
template <typename Value>
void check_order(const WriteList &writes, Value value, bool strict,
                 const char *rule, const std::string &text,
                 Violations &violations) {
  WriteList answered = writes;
  std::sort(
      answered.begin(), answered.end(),
      [](const Write *a, const Write *b) { return a->answered < b->answered; });
  WriteList asked = writes;
  std::sort(asked.begin(), asked.end(),
            [](const Write *a, const Write *b) { return a->asked < b->asked; });
  const Write *largest = nullptr;
  std::size_t done = 0;
  for (const Write *write : asked) {
    for (; done < answered.size() && answered[done]->answered < write->asked;
         ++done) {
      if (largest == nullptr || value(*answered[done]) > value(*largest)) {
        largest = answered[done];
      }
    }
    if (largest != nullptr && (value(*largest) > value(*write) ||
                               (strict && value(*largest) == value(*write)))) {
      violations.push_back({rule,
                            text + ": " + std::to_string(value(*write)) +
                                " after " + std::to_string(value(*largest)),
                            {largest->event, write->event}});
    }
  }
}

void check_values(const WriteList &writes, Violations &violations) {
  std::unordered_map<std::int64_t, const Write *> seen;
  for (const Write *write : writes) {
    const auto [other, fresh] = seen.emplace(write->value, write);
    if (!fresh) {
      violations.push_back({"lost-update",
                            "two accepted writes left the same value " +
                                std::to_string(write->value),
                            {other->second->event, write->event}});
    }
  }
  check_order(
      writes, [](const Write &w) { return w.value; }, true, "lost-update",
      "the value went back", violations);
}

}  // namespace

void check_tokens(const Timeline &timeline, Violations &violations) {
  const auto key = [](const Hold &hold) { return hold.name; };
  const auto mode = [](Mode wanted) {
    return [wanted](const Hold &h) { return h.token != 0 && h.mode == wanted; };
  };
  const auto all = group_holds(
      timeline, [](const Hold &h) { return h.token != 0; }, key);
  for (const auto &[_, list] : all) {
    check_unique(list, violations);
    check_separate(list, violations);
  }
  const auto shared = group_holds(timeline, mode(Mode::kShared), key);
  for (const auto &[name, writers] :
       group_holds(timeline, mode(Mode::kExclusive), key)) {
    check_excluding(writers, writers, violations);
    if (const auto readers = shared.find(name); readers != shared.end()) {
      check_excluding(readers->second, writers, violations);
      check_excluding(writers, readers->second, violations);
    }
  }
}

void check_writes(const Timeline &timeline, Violations &violations) {
  std::map<std::uint32_t, WriteList> uses;
  std::map<std::uint32_t, WriteList> writes;
  for (const Write &write : timeline.writes) {
    if (write.accepted) {
      uses[write.name].push_back(&write);
      if (write.op == Op::kWrite) {
        writes[write.name].push_back(&write);
      }
    } else if (write.hold &&
               timeline.holds[*write.hold].until > write.answered &&
               timeline.holds[*write.hold].mode == Mode::kExclusive) {
      const Hold &hold = timeline.holds[*write.hold];
      violations.push_back({"fence-order",
                            "the resource refused the token of the holder",
                            {hold.grant_event, write.event, hold.until_event}});
    }
  }
  for (const auto &[_, list] : uses) {
    check_order(
        list, [](const Write &w) { return w.token; }, false, "fence-order",
        "an older token was accepted after a newer one", violations);
  }
  for (const auto &[_, list] : writes) {
    check_values(list, violations);
  }
}

}  // namespace harness
