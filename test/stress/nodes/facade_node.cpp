// A client that uses the library: several threads share one client.  With kind
// "lease" its locks are leases, behind a pooler in transaction mode.

#include <pg_exclusive/pg_exclusive.hpp>
#include <thread>
#include <vector>

#include "checker/fault_index.hpp"
#include "nodes/node.hpp"

namespace harness {
namespace {

using std::chrono::milliseconds;

constexpr int kThreads = 3;
constexpr int kPatience = 2000;  // milliseconds in which a loss has to be told

class FacadeThread {
 public:
  FacadeThread(const NodeOptions &options, pg_exclusive::client client,
               int number)
      : client_(std::move(client)),
        number_(number),
        names_(options.names),
        leases_(options.kind == "lease"),
        dice_(options.seed + static_cast<std::uint64_t>(number) * 7919),
        recorder_(options.history, options.name + "/" + std::to_string(number)),
        work_(recorder_, options.resource, dice_) {}

  void run() {
    while (!told_to_end()) {
      round();
    }
  }

 private:
  using Granted = pg_exclusive::result<pg_exclusive::hold>;

  // Readers of one client share a grant and its token, so only one thread of
  // a process reads.
  Wish draw() {
    Wish wish = draw_wish(dice_, names_, !leases_);
    if (wish.mode == Mode::kShared && (number_ != 0 || leases_)) {
      wish.mode = Mode::kExclusive;
    }
    return wish;
  }

  void round() {
    if (dice_.chance(0.1)) {
      return once();
    }
    const Wish wish = draw();
    name_ = wish.name();
    Line event = line(Op::kAcquire, Ev::kInvoke, name_);
    event.mode = wish.mode;
    event.limit = wish.mode == Mode::kPermit ? kPermits : 0;
    recorder_.record(event);
    try {
      Granted granted = ask(wish);
      event.ev = granted ? Ev::kOk : Ev::kFail;
      if (granted) {
        event.token = granted->token().value_or(0);
        event.pid = leases_ ? kNoBackend : granted->backend_pid();
      }
      recorder_.record(event);
      if (granted) {
        use(*std::move(granted), event);
      }
    } catch (const pg_exclusive::lock_error &) {
      event.ev = Ev::kFail;  // a call that throws leaves no lock
      recorder_.record(event);
      std::this_thread::sleep_for(milliseconds(150));
    }
    std::this_thread::sleep_for(milliseconds(dice_.roll(0, 5)));
  }

  // Work outside the database, at most once: who is given the slot says so
  // while it runs.
  void once() {
    Line event = line(Op::kRun, Ev::kInvoke, std::string(kNamespace) + "/once");
    event.slot = current_slot();
    recorder_.record(event);
    bool ran = false;
    try {
      const auto result = client_.try_run_once(
          {kNamespace, "once"}, event.slot,
          {.on_crash = pg_exclusive::on_crash::skip}, [&] {
            ran = true;
            Line effect = line(Op::kEffect, Ev::kOk, event.name);
            effect.slot = event.slot;
            recorder_.record(effect);
            std::this_thread::sleep_for(milliseconds(dice_.roll(0, 5)));
          });
      event.ev = result ? Ev::kOk : Ev::kFail;
    } catch (const pg_exclusive::lock_error &) {
      event.ev = ran ? Ev::kUnknown : Ev::kFail;
    }
    recorder_.record(event);
  }

  Granted ask(const Wish &wish) {
    const pg_exclusive::lock_name name{kNamespace, wish.key};
    const pg_exclusive::lock_mode mode =
        wish.mode == Mode::kShared ? pg_exclusive::lock_mode::shared
                                   : pg_exclusive::lock_mode::exclusive;
    const bool now = dice_.chance(0.5);
    const milliseconds wait(dice_.roll(1, 400));
    if (wish.mode == Mode::kPermit) {
      pg_exclusive::semaphore permits(client_, name, kPermits);
      return now ? permits.try_acquire() : permits.acquire({.wait = wait});
    }
    return now ? client_.try_lock(name, {.mode = mode})
               : client_.lock(name, {.wait = wait, .stop = {}, .mode = mode});
  }

  // A loss that the client has seen by asking must be told to those who wait
  // for it.  Time in which we are frozen ourselves does not count.
  void await_word(const pg_exclusive::hold &hold) {
    const std::stop_token lost = hold.lost();
    for (int i = 0; i < kPatience && !lost.stop_requested(); ++i) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    recorder_.record(
        line(Op::kTold, lost.stop_requested() ? Ev::kOk : Ev::kFail, name_));
  }

  void use(pg_exclusive::hold hold, const Line &granted) {
    const bool kept = work_.run(
        {.name = name_,
         .token = granted.token,
         .mode = granted.mode,
         .held = [&] { return hold.held(); },
         .rest = [](milliseconds t) { std::this_thread::sleep_for(t); }});
    if (!kept) {
      await_word(hold);
    }
    Line event = line(Op::kRelease, Ev::kInvoke, name_, granted.token);
    recorder_.record(event);
    try {
      hold.unlock();
      event.ev = Ev::kOk;
    } catch (const pg_exclusive::lock_lost &) {
      event.ev = Ev::kFail;
    } catch (const pg_exclusive::lock_error &) {
      event.ev = Ev::kUnknown;
    }
    recorder_.record(event);
  }

  pg_exclusive::client client_;
  int number_;
  int names_;
  bool leases_;
  Dice dice_;
  Recorder recorder_;
  Work work_;
  std::string name_;
};

// The server may be away when we start.
std::optional<pg_exclusive::client> connect(const NodeOptions &options) {
  pg_exclusive::client_options settings;
  settings.lease = milliseconds(options.lease_ms);
  settings.connect_timeout = milliseconds(2000);
  if (options.kind == "lease") {
    settings.pooler = pg_exclusive::pooler_policy::transaction;
  } else if (options.pooler) {
    settings.pooler = pg_exclusive::pooler_policy::session;
  }
  while (!told_to_end()) {
    try {
      return pg_exclusive::client(options.conninfo, settings);
    } catch (const pg_exclusive::lock_error &) {
      std::this_thread::sleep_for(milliseconds(50));
    }
  }
  return std::nullopt;
}

}  // namespace

void run_facade_node(const NodeOptions &options) {
  const std::optional<pg_exclusive::client> client = connect(options);
  if (!client) {
    return;
  }
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { FacadeThread(options, *client, i).run(); });
  }
}

}  // namespace harness
