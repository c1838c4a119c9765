#include "nodes/node.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace harness {
namespace {

std::atomic<bool> end{false};
int watched_parent = 0;
static_assert(std::atomic<bool>::is_always_lock_free);

// Mostly moments; some longer than the time between two heartbeats, and than
// the lease.
std::chrono::milliseconds draw_rest(Dice &dice) {
  constexpr std::int64_t kMoment = 15;
  constexpr std::int64_t kWhile = 200;
  constexpr std::int64_t kLong = 2500;
  const std::int64_t longest = dice.chance(0.01)   ? kLong
                               : dice.chance(0.05) ? kWhile
                                                   : kMoment;
  return std::chrono::milliseconds(dice.roll(0, longest));
}

}  // namespace

std::int64_t Dice::roll(std::int64_t low, std::int64_t high) {
  // Not std::uniform_int_distribution: its sequence is the library's choice.
  return low + static_cast<std::int64_t>(
                   engine_() % static_cast<std::uint64_t>(high - low + 1));
}

bool Dice::chance(double probability) {
  constexpr std::int64_t kGrain = 1'000'000;
  return roll(0, kGrain - 1) <
         static_cast<std::int64_t>(probability * static_cast<double>(kGrain));
}

Line line(Op op, Ev ev, std::string_view name, std::int64_t token) {
  Line made;
  made.op = op;
  made.ev = ev;
  made.name = name;
  made.token = token;
  return made;
}

Wish draw_wish(Dice &dice, int names, bool permits) {
  if (permits && dice.chance(0.2)) {
    return {.key = kSemaphore, .mode = Mode::kPermit};
  }
  // Readers gather at half of the names, so that they meet.
  if (dice.chance(0.25)) {
    return {.key = std::to_string(dice.roll(1, (names + 1) / 2)),
            .mode = Mode::kShared};
  }
  return {.key = std::to_string(dice.roll(1, names)), .mode = Mode::kExclusive};
}

std::string current_slot() {
  constexpr std::int64_t kSlotLength = 300'000'000;  // nanoseconds
  return "slot-" + std::to_string(now() / kSlotLength);
}

void listen_for_end(int parent) {
  struct sigaction action {};
  action.sa_handler = [](int) { end = true; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  watched_parent = parent;
}

bool told_to_end() {
  return end || (watched_parent != 0 && getppid() != watched_parent);
}

bool Work::believe(const Hold &hold) {
  Line moment = line(Op::kBelieve, Ev::kOk, hold.name, hold.token);
  moment.t = now();  // before the question: what is true after it was true then
  if (hold.held()) {
    recorder_.record(moment);
    return true;
  }
  recorder_.record(line(Op::kLost, Ev::kOk, hold.name, hold.token));
  return false;
}

void Work::enter(const Hold &hold, Resource &resource) {
  recorder_.record(line(Op::kWitness, Ev::kInvoke, hold.name, hold.token));
  Line met = line(Op::kWitness, Ev::kOk, hold.name);
  met.mode = hold.mode;
  for (const std::string &other :
       resource.enter(recorder_.node(), hold.mode, kPermits)) {
    met.ev = Ev::kFail;
    met.target += (met.target.empty() ? "" : " ") + other;
  }
  recorder_.record(met);
}

bool Work::raise(const Hold &hold, Resource &resource, std::int64_t &value) {
  recorder_.record(line(Op::kRaise, Ev::kInvoke, hold.name, hold.token));
  const std::optional<std::int64_t> read = resource.raise(hold.token);
  recorder_.record(
      line(Op::kRaise, read ? Ev::kOk : Ev::kFail, hold.name, hold.token));
  value = read.value_or(0);
  return read.has_value();
}

bool Work::write(const Hold &hold, Resource &resource, std::int64_t value) {
  Line done = line(Op::kWrite, Ev::kInvoke, hold.name, hold.token);
  done.value = value;
  recorder_.record(done);
  done.ev = resource.write(hold.token, value) ? Ev::kOk : Ev::kFail;
  recorder_.record(done);
  return done.ev == Ev::kOk;
}

bool Work::run(const Hold &hold) {
  if (!believe(hold)) {
    return false;
  }
  Resource resource(directory_, hold.name);
  enter(hold, resource);

  // Who is not alone looks, and has nothing to write.
  std::int64_t value = 0;
  bool accepted = hold.mode == Mode::kExclusive && raise(hold, resource, value);
  const std::int64_t steps = dice_.roll(1, 8);
  bool held = true;
  for (std::int64_t i = 0; held && i < steps; ++i) {
    hold.rest(draw_rest(dice_));
    held = believe(hold);
    if (held && accepted) {
      accepted = write(hold, resource, ++value);
    }
  }
  resource.leave();
  return held;
}

}  // namespace harness
