#include "checker/timeline.hpp"

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace harness {
namespace {

constexpr Index kNone = UINT32_MAX;

class Reader {
 public:
  Reader(const History &history, std::vector<Violation> &violations)
      : history_(history),
        violations_(violations),
        pending_(history.strings.size(), kNone) {}

  Timeline read() {
    for (Index i = 0; i < history_.events.size(); ++i) {
      take(i);
    }
    for (const Index asked : pending_) {
      if (asked != kNone && at(asked).op == Op::kRun) {
        run(asked, asked, Ev::kUnknown);
      }
    }
    return std::move(timeline_);
  }

 private:
  // What a node has of a name.  kMaybe: an acquire whose answer is unknown.
  enum class State : std::uint8_t { kNothing, kMaybe, kHeld, kLost };
  struct Place {
    State state = State::kNothing;
    Index hold = kNone;
  };

  const Event &at(Index i) const { return history_.events[i]; }

  Place &place(const Event &event) {
    return places_[std::uint64_t{event.node} << 32 | event.name];
  }

  void complain(const char *rule, const std::string &text,
                std::vector<Index> events) {
    violations_.push_back({rule, text, std::move(events)});
  }

  void take(Index i) {
    const Event &event = at(i);
    switch (event.op) {
      case Op::kBelieve:
        believe(i);
        return;
      case Op::kLost:
        if (Place &mine = place(event); mine.state == State::kHeld) {
          mine.state = State::kLost;
        }
        return;
      case Op::kTold:
        told(i);
        return;
      case Op::kEffect:
        effect(i);
        return;
      default:
        break;
    }
    if (event.ev == Ev::kInvoke) {
      invoke(i);
    } else if (const Index asked = answer(i); asked != kNone) {
      complete(asked, i);
    }
  }

  void invoke(Index i) {
    const Event &event = at(i);
    Index &pending = pending_[event.node];
    if (pending != kNone) {
      complain("malformed", "a second question before the answer to the first",
               {pending, i});
    }
    pending = i;
    timeline_.operations += event.op != Op::kFault;
    if (event.op == Op::kAcquire) {
      if (Place &mine = place(event); mine.state != State::kHeld) {
        mine = {State::kMaybe, kNone};  // until it is answered
      }
    }
  }

  // The question that event `i` answers.
  Index answer(Index i) {
    const Event &event = at(i);
    const Index asked = std::exchange(pending_[event.node], kNone);
    if (asked == kNone || at(asked).op != event.op ||
        at(asked).name != event.name) {
      complain("malformed", "an answer to no question", {i});
      return kNone;
    }
    timeline_.determinate += event.op != Op::kFault && event.ev != Ev::kUnknown;
    return asked;
  }

  void complete(Index asked, Index i) {
    switch (at(i).op) {
      case Op::kAcquire:
        return acquire(asked, i);
      case Op::kRelease:
        return release(asked, i);
      case Op::kBeat:
        return beat(asked, i);
      case Op::kRaise:
      case Op::kWrite:
        return write(asked, i);
      case Op::kRun:
        return run(asked, i, at(i).ev);
      case Op::kWitness:
        return witness(i);
      case Op::kFault:
        return fault(asked, i);
      default:
        return;
    }
  }

  void acquire(Index asked, Index i) {
    const Event &event = at(i);
    Place &mine = place(event);
    if (event.ev == Ev::kFail && mine.state == State::kMaybe) {
      mine = {};
    }
    if (event.ev != Ev::kOk) {
      return;
    }
    if (mine.state == State::kHeld) {
      complain("stacked", "granted again to a node that holds it",
               {timeline_.holds[mine.hold].grant_event, i});
    }
    if (event.token == 0) {
      complain("token-order", "granted without a token", {i});
    }
    Hold hold;
    hold.node = event.node;
    hold.name = event.name;
    hold.mode = event.mode;
    hold.token = event.token;
    hold.permit = event.value;
    hold.limit = event.limit;
    hold.lease = event.lease;
    hold.pid = event.pid;
    // Belief counts from the question: the answer may have lain unread for
    // longer than the server waits.
    hold.asked = hold.until = hold.beat = at(asked).t;
    hold.granted = event.t;
    hold.grant_event = hold.until_event = i;
    mine = {State::kHeld, static_cast<Index>(timeline_.holds.size())};
    timeline_.holds.push_back(hold);
  }

  void confirm(Hold &hold, Index asked) {
    hold.until = std::max(hold.until, at(asked).t);
    hold.until_event = asked;
    hold.beat = at(asked).t;
  }

  void release(Index asked, Index i) {
    Place &mine = place(at(i));
    const bool held = mine.hold != kNone;
    if (at(i).ev == Ev::kOk) {
      if (held) {
        confirm(timeline_.holds[mine.hold], asked);
      } else if (mine.state != State::kMaybe) {
        complain("stranger-release", "released a lock that it did not hold",
                 {i});
      }
    }
    mine = {};
  }

  void beat(Index asked, Index i) {
    Place &mine = place(at(i));
    if (at(i).ev == Ev::kOk) {
      if (mine.hold != kNone) {
        confirm(timeline_.holds[mine.hold], asked);
      } else if (mine.state == State::kNothing) {
        complain("failed-but-held",
                 "the server says held, but the acquire failed", {i});
      }
    } else if (at(i).ev == Ev::kFail && mine.state == State::kMaybe) {
      mine = {};
    } else if (at(i).ev == Ev::kFail && mine.state == State::kHeld) {
      mine.state = State::kLost;
    }
  }

  void believe(Index i) {
    const Place &mine = place(at(i));
    if (mine.state != State::kHeld) {
      complain("belief", "believes in a lock that it was not granted or lost",
               {i});
      return;
    }
    timeline_.beliefs.push_back(
        {at(i).t, timeline_.holds[mine.hold].beat, mine.hold, i});
  }

  // A client that asks sees the loss by its own clock.  One that waits for the
  // word of its library works on for ever when it does not come.
  void told(Index i) {
    if (at(i).ev != Ev::kFail) {
      return;
    }
    const Place &mine = place(at(i));
    std::vector<Index> events{i};
    if (mine.hold != kNone) {
      events.insert(events.begin(), timeline_.holds[mine.hold].grant_event);
    }
    complain("untold-loss", "lost, and hold::lost() never said so",
             std::move(events));
  }

  void write(Index asked, Index i) {
    const Event &event = at(i);
    if (event.ev == Ev::kUnknown) {
      return;
    }
    Write write;
    write.node = event.node;
    write.name = event.name;
    write.op = event.op;
    write.accepted = event.ev == Ev::kOk;
    write.token = event.token;
    write.value = event.value;
    write.asked = at(asked).t;
    write.answered = event.t;
    write.event = i;
    const Place &mine = place(event);
    if (mine.hold != kNone && timeline_.holds[mine.hold].token == event.token) {
      write.hold = mine.hold;
    } else {
      complain("forged-token", "wrote with a token that it was not granted",
               {i});
    }
    timeline_.writes.push_back(write);
  }

  void run(Index asked, Index i, Ev outcome) {
    Run run;
    run.name = at(asked).name;
    run.slot = at(asked).slot;
    run.outcome = outcome;
    run.asked = at(asked).t;
    run.answered = at(i).t;
    run.event = i;
    timeline_.runs.push_back(run);
  }

  // Read at the end, or told by the run itself while it lasts.
  void effect(Index i) {
    const Event &event = at(i);
    if (event.ev == Ev::kInvoke) {
      timeline_.effects_read = true;
      return;
    }
    const Index asked = pending_[event.node];
    run(i, i, Ev::kOk);
    Run &effect = timeline_.runs.back();
    effect.effect = true;
    effect.value = event.value;
    if (asked != kNone && at(asked).op == Op::kRun) {
      effect.asked = at(asked).t;
    }
  }

  void witness(Index i) {
    const Event &event = at(i);
    if (event.ev != Ev::kFail) {
      return;
    }
    Witness witness;
    witness.node = event.node;
    witness.name = event.name;
    witness.mode = event.mode;
    witness.t = event.t;
    witness.event = i;
    std::istringstream others(history_.strings.text(event.target));
    for (std::string other; others >> other;) {
      witness.others.push_back(history_.strings.find(other));
    }
    timeline_.witnesses.push_back(std::move(witness));
  }

  void fault(Index asked, Index i) {
    const Event &event = at(i);
    if (event.ev != Ev::kOk) {
      return;  // it hit nothing
    }
    const std::string &effect = history_.strings.text(at(asked).slot);
    Fault fault;
    fault.name = event.name;
    fault.target = at(asked).target;
    fault.pid = at(asked).pid;
    fault.forgets = effect == "forgets";
    fault.ends = fault.forgets || effect == "ends";
    fault.freezes = effect == "freezes";
    fault.kills = effect == "kills";
    fault.cuts = effect == "cuts";
    fault.begun = at(asked).t;
    fault.done = event.t;
    fault.event = i;
    timeline_.faults.push_back(fault);
  }

  const History &history_;
  std::vector<Violation> &violations_;
  std::vector<Index> pending_;  // by node
  std::unordered_map<std::uint64_t, Place> places_;
  Timeline timeline_;
};

}  // namespace

Timeline read_timeline(const History &history,
                       std::vector<Violation> &violations) {
  return Reader(history, violations).read();
}

}  // namespace harness
