// Exclusion, the reader-writer rule and the semaphore, from certain holds.
//
// A hold was granted at some moment between question and answer and existed
// until at least `until`.  Two exclusive holds X and Y contradict each other
// if X was answered before Y's newest certain moment and the other way round:
// each was granted while the other lasted.

#include "checker/by_name.hpp"
#include "checker/models.hpp"

namespace harness {
namespace {

void overlap(const Hold &a, const Hold &b, const char *rule,
             const std::string &text, Violations &violations) {
  const Hold &first = a.granted <= b.granted ? a : b;
  const Hold &second = a.granted <= b.granted ? b : a;
  violations.push_back({rule,
                        text,
                        {first.grant_event, second.grant_event,
                         first.until_event, second.until_event}});
}

// Every hold of `later` against those of `earlier` answered before it.
void check_pairs(const HoldList &earlier, const HoldList &later,
                 const char *rule, const char *text, Violations &violations) {
  const HoldList longest =
      prefix_maximum(earlier, [](const Hold &hold) { return hold.until; });
  for (const Hold *hold : later) {
    const std::size_t before = granted_before(
        earlier, std::min(hold->granted, std::max(hold->until, hold->asked)));
    if (before > 0 && longest[before - 1]->until > hold->granted) {
      overlap(*longest[before - 1], *hold, rule, text, violations);
    }
  }
}

std::uint32_t name_of(const Hold &hold) { return hold.name; }

void count_permits(const HoldList &list, Violations &violations) {
  sweep(list, [&](const HoldList &inside, const Hold &last) {
    if (static_cast<std::int64_t>(inside.size()) <= last.limit) {
      return;
    }
    Violation violation{"permits",
                        std::to_string(inside.size()) + " of " +
                            std::to_string(last.limit) +
                            " permits are held at once",
                        {}};
    for (const Hold *hold : inside) {
      violation.events.push_back(hold->grant_event);
      violation.events.push_back(hold->until_event);
    }
    violations.push_back(std::move(violation));
  });
}

}  // namespace

void check_exclusion(const Timeline &timeline, Violations &violations) {
  const auto exclusive = group_holds(
      timeline, [](const Hold &h) { return h.mode == Mode::kExclusive; },
      name_of);
  const auto shared = group_holds(
      timeline, [](const Hold &h) { return h.mode == Mode::kShared; }, name_of);
  for (const auto &[name, writers] : exclusive) {
    check_pairs(writers, writers, "exclusion", "two exclusive holds at once",
                violations);
    if (const auto readers = shared.find(name); readers != shared.end()) {
      const char *text = "a shared and an exclusive hold at once";
      check_pairs(writers, readers->second, "exclusion", text, violations);
      check_pairs(readers->second, writers, "exclusion", text, violations);
    }
  }
}

void check_permits(const Timeline &timeline, Violations &violations) {
  const auto permit = [](const Hold &hold) {
    return hold.mode == Mode::kPermit;
  };
  for (const auto &[_, list] : group_holds(timeline, permit, name_of)) {
    count_permits(list, violations);
  }
  // The library does not say which permit it got.
  const auto known = [](const Hold &hold) {
    return hold.mode == Mode::kPermit && hold.permit != 0;
  };
  const auto one = [](const Hold &hold) {
    return std::pair(hold.name, hold.permit);
  };
  for (const auto &[_, list] : group_holds(timeline, known, one)) {
    check_pairs(list, list, "permits", "one permit is held twice at once",
                violations);
  }
}

}  // namespace harness
