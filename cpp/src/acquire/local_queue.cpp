#include "acquire/local_queue.hpp"

#include <algorithm>

#include "pg_exclusive/errors.hpp"
#include "session/session.hpp"

namespace pg_exclusive::detail {

const local_queue::server_grant *local_queue::conflict(lock_mode mode) const {
  for (const auto &r : server_grants) {
    if (mode == lock_mode::exclusive || r.mode == lock_mode::exclusive) {
      return &r;
    }
  }
  return nullptr;
}

bool local_queue::writer_waits(const waiter *before) const {
  for (const waiter *w : queue) {
    if (w == before) return false;
    if (w->mode == lock_mode::exclusive) return true;
  }
  return false;
}

local_queue::server_grant *local_queue::joinable() {
  const auto now = boot_clock::now();
  for (auto &r : server_grants) {
    if (r.mode == lock_mode::shared && !r.leaving && !r.lost && r.on->alive() &&
        now < r.since + join_for) {
      return &r;
    }
  }
  return nullptr;
}

bool local_queue::is_on(const session_ptr &s) const {
  return std::find(arriving.begin(), arriving.end(), s) != arriving.end() ||
         std::any_of(server_grants.begin(), server_grants.end(),
                     [&](const server_grant &g) { return g.on == s; });
}

local_queue::server_grant *local_queue::find(const grant &held) {
  for (auto &r : server_grants) {
    if (r.on == held.shared_session() && r.token == held.token()) return &r;
  }
  return nullptr;
}

void local_queue::add(const grant &held) {
  server_grants.push_back({held.shared_session(), held.token(), held.mode(), 1,
                           false, false, held.since});
}

void local_queue::forget_owner(grant &held) {
  if (!held.bound_to) return;
  const auto owner = std::find(owners.begin(), owners.end(), *held.bound_to);
  if (owner != owners.end()) owners.erase(owner);
  held.bound_to.reset();
}

void local_queue::wake() {
  for (waiter *w : queue) {
    w->wake.notify_one();
    if (w->mode == lock_mode::exclusive) break;
  }
}

local_queue_ptr local_queues::at(const lock_name &name) {
  shard &home = shards_[hash{}(name) % shards_.size()];
  const std::lock_guard guard(home.access);
  const auto found = home.gates.find(name);
  if (found != home.gates.end()) return *found;
  if (home.gates.size() >= home.sweep_at) home.sweep();
  return *home.gates.insert(std::make_shared<local_queue>(name)).first;
}

// New users come by the shard only: who is alone here stays so.
void local_queues::shard::sweep() {
  std::erase_if(gates,
                [](const local_queue_ptr &g) { return g.use_count() <= 1; });
  sweep_at = std::max(spare, 2 * gates.size());
}

wait_graph::edge::edge(wait_graph &graph, const local_queue_ptr &g)
    : graph_(graph) {
  const auto me = std::this_thread::get_id();
  const std::lock_guard guard(graph_.access_);
  if (graph_.leads_back(g, me)) {
    throw lock_error(
        "waiting for lock \"" + g->name.to_string() + "\" would never end",
        "40P01", g->name,
        "Threads of this process wait for each other.  Take locks in the same "
        "order everywhere, or together with lock_all.");
  }
  graph_.waiting_[me] = g;
}

wait_graph::edge::~edge() {
  const std::lock_guard guard(graph_.access_);
  graph_.waiting_.erase(std::this_thread::get_id());
}

bool wait_graph::leads_back(const local_queue_ptr &from,
                            std::thread::id to) const {
  std::vector<local_queue_ptr> reached{from};
  for (std::size_t at = 0; at < reached.size(); ++at) {
    std::vector<std::thread::id> owners;
    {
      const std::lock_guard guard(reached[at]->access);
      owners = reached[at]->owners;
    }
    for (const auto owner : owners) {
      if (owner == to) return true;
      const auto next = waiting_.find(owner);
      if (next == waiting_.end() || std::find(reached.begin(), reached.end(),
                                              next->second) != reached.end()) {
        continue;
      }
      reached.push_back(next->second);
    }
  }
  return false;
}

}  // namespace pg_exclusive::detail
