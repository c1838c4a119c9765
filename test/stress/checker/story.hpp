// Histories told by hand, for the tests of the checker: times in milliseconds.

#ifndef PG_EXCLUSIVE_TEST_STRESS_CHECKER_STORY_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_CHECKER_STORY_HPP_

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "checker/checker.hpp"

namespace harness {

class Story {
 public:
  struct Grant {
    std::int64_t token = 0;
    Mode mode = Mode::kExclusive;
    std::int32_t pid = 0;
    std::int64_t lease = 0;   // milliseconds
    std::int64_t permit = 0;  // number of the permit, of `limit`
    std::int64_t limit = 0;
  };

  // One operation from `asked` to `answered`, on the lock "jobs/a".
  Story &acquire(std::string_view node, double asked, double answered,
                 const Grant &grant, Ev ev = Ev::kOk) {
    Event event = base(node, Op::kAcquire);
    event.mode = grant.mode;
    event.token = ev == Ev::kOk ? grant.token : 0;
    event.pid = grant.pid;
    event.lease = grant.lease * 1'000'000;
    event.value = grant.permit;
    event.limit = grant.limit;
    return both(event, asked, answered, ev);
  }
  Story &release(std::string_view node, double asked, double answered,
                 Ev ev = Ev::kOk) {
    return both(base(node, Op::kRelease), asked, answered, ev);
  }
  Story &beat(std::string_view node, double asked, double answered,
              Ev ev = Ev::kOk) {
    return both(base(node, Op::kBeat), asked, answered, ev);
  }
  Story &believe(std::string_view node, double t) {
    return moment(base(node, Op::kBelieve), t, Ev::kOk);
  }
  Story &lost(std::string_view node, double t) {
    return moment(base(node, Op::kLost), t, Ev::kOk);
  }
  Story &told(std::string_view node, double t, Ev ev) {
    return moment(base(node, Op::kTold), t, ev);
  }
  Story &write(std::string_view node, double asked, double answered,
               std::int64_t token, std::int64_t value, Ev ev = Ev::kOk) {
    Event event = base(node, Op::kWrite);
    event.token = token;
    event.value = value;
    return both(event, asked, answered, ev);
  }
  Story &meet(std::string_view node, double t, std::string_view others,
              Mode mode = Mode::kExclusive) {
    Event event = base(node, Op::kWitness);
    event.mode = mode;
    event.target = history_.strings.number(others);
    return both(event, t, t, Ev::kFail);
  }
  Story &run(std::string_view node, double asked, double answered,
             std::string_view slot, Ev ev = Ev::kOk) {
    Event event = base(node, Op::kRun);
    event.slot = history_.strings.number(slot);
    return both(event, asked, answered, ev);
  }
  Story &effects(double t) {
    return moment(base("reader", Op::kEffect), t, Ev::kInvoke);
  }
  Story &effect(double t, std::string_view slot, std::int64_t value = 0,
                std::string_view node = "reader") {
    Event event = base(node, Op::kEffect);
    event.value = value;
    event.slot = history_.strings.number(slot);
    return moment(event, t, Ev::kOk);
  }
  // `effect`: "ends", "forgets", "freezes", "cuts" or "".
  Story &fault(std::string_view name, double begun, double done,
               std::string_view effect, std::int32_t pid = 0,
               std::string_view target = "") {
    Event event = base("nemesis-" + std::string(name), Op::kFault);
    event.name = history_.strings.number(name);
    event.slot = history_.strings.number(effect);
    event.target = history_.strings.number(target);
    event.pid = pid;
    return both(event, begun, done, Ev::kOk);
  }
  // A question that nobody answered.
  Story &ask(std::string_view node, Op op, double t,
             std::string_view slot = "") {
    Event event = base(node, op);
    event.slot = history_.strings.number(slot);
    return moment(event, t, Ev::kInvoke);
  }
  Story &answer(std::string_view node, Op op, double t, Ev ev) {
    return moment(base(node, op), t, ev);
  }

  const History &history() {
    history_.sort();
    return history_;
  }

 private:
  Event base(std::string_view node, Op op) {
    Event event;
    event.node = history_.strings.number(node);
    event.name = history_.strings.number("jobs/a");
    event.op = op;
    return event;
  }
  Story &both(const Event &event, double asked, double answered, Ev ev) {
    return moment(event, asked, Ev::kInvoke).moment(event, answered, ev);
  }
  Story &moment(Event event, double t, Ev ev) {
    event.t = static_cast<std::int64_t>(t * 1e6);
    event.ev = ev;
    history_.events.push_back(event);
    return *this;
  }

  History history_;
};

// The rules that the story breaks.
inline std::set<std::string> rules(Story &story) {
  std::set<std::string> broken;
  for (const Violation &violation : check(story.history()).violations) {
    broken.insert(violation.rule);
  }
  return broken;
}

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_CHECKER_STORY_HPP_
