// Where the threads of this process that want one name meet.
//
// What the process has of it, who wants it, in which order.  The server decides
// who gets it; a local queue only sees to it that one thread asks at a time,
// that threads of this process never have it together when they must not, and
// that shared holds share one grant of the server.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/holder_info.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"
#include "session/session_pool.hpp"

namespace pg_exclusive::detail {

class grant;

// A thread in a local queue.  On its stack; under the lock of that queue.
struct waiter {
  lock_mode mode;
  std::condition_variable wake;
};

struct local_queue {
  // For so long new shared holds join one that is there; then they ask the
  // server, which lets waiting writers of other processes go first.
  static constexpr std::chrono::milliseconds join_for{1000};

  // One grant of the server, and the holds on it.
  struct server_grant {
    session_ptr on;
    std::int64_t token;
    lock_mode mode;
    int users;
    bool leaving;  // its release is on the way
    bool lost;     // the server has it no more, a thread here still
    boot_clock::time_point since;
  };

  explicit local_queue(lock_name named) : name(std::move(named)) {}

  const lock_name name;
  std::mutex access;
  bool asking = false;                      // a try is on its way
  std::condition_variable_any asked;        // it is back
  std::vector<server_grant> server_grants;  // what we have
  std::vector<session_ptr> arriving;        // a wait on it was just granted
  std::list<waiter *> queue;                // who waits for it, in order
  std::vector<std::thread::id> owners;      // threads bound to a hold on it

  // All with `access` held.

  // Does something here stand against it?
  [[nodiscard]] const server_grant *conflict(lock_mode mode) const;
  [[nodiscard]] bool writer_waits(const waiter *before = nullptr) const;
  // A grant that a shared hold can join now.
  server_grant *joinable();
  // Does this session have it, or is it being granted?
  [[nodiscard]] bool is_on(const session_ptr &s) const;
  server_grant *find(const grant &held);
  void add(const grant &held);
  // No thread in particular will give it back.
  void forget_owner(grant &held);
  // Wakes those in the queue who may have something to do.
  void wake();
};

using local_queue_ptr = std::shared_ptr<local_queue>;

// All gates in use, and some that were: making one costs more than finding it.
class local_queues {
 public:
  // The local queue of a name; nobody gets another one as long as somebody has
  // it.
  local_queue_ptr at(const lock_name &name);

 private:
  // Of the name.  They may throw as far as the table knows, so it remembers
  // that of each queue.
  struct hash {
    using is_transparent = void;
    std::size_t operator()(const lock_name &name) const {
      return std::hash<lock_name>{}(name);
    }
    std::size_t operator()(const local_queue_ptr &g) const {
      return (*this)(g->name);
    }
  };
  struct equal {
    using is_transparent = void;
    bool operator()(const auto &one, const auto &other) const {
      return name_of(one) == name_of(other);
    }

   private:
    static const lock_name &name_of(const lock_name &name) { return name; }
    static const lock_name &name_of(const local_queue_ptr &g) {
      return g->name;
    }
  };

  struct shard {
    // How many gates stay before those that nobody uses go.
    static constexpr std::size_t spare = 256;

    void sweep();

    std::mutex access;
    std::unordered_set<local_queue_ptr, hash, equal> gates;  // under access
    std::size_t sweep_at = spare;                            // under access
  };

  std::array<shard, 16> shards_;
};

// Which thread waits where: for cycles that the server cannot see, because
// holds and waits are on different sessions.
class wait_graph {
 public:
  // While this lives, the calling thread waits at `g`.
  class edge {
   public:
    // Throws lock_error 40P01 when that would never end.
    edge(wait_graph &graph, const local_queue_ptr &g);
    edge(const edge &) = delete;
    edge &operator=(const edge &) = delete;
    ~edge();

   private:
    wait_graph &graph_;
  };

 private:
  bool leads_back(const local_queue_ptr &from, std::thread::id to) const;

  std::mutex access_;
  std::unordered_map<std::thread::id, local_queue_ptr>
      waiting_;  // under access_
};

}  // namespace pg_exclusive::detail
