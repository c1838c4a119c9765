// fork(): the parent keeps its locks, whatever the child does.
//
// The child's copies of the sockets are gone (base/fork_guard.hpp).  What is
// left is that a client is dead there, and that no lock is held in the middle
// of a fork.
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "client_core/client_core.hpp"

namespace pg_exclusive::detail {
namespace {

struct registry {
  std::mutex access;
  std::vector<client_core *> cores;  // under access
};

// Never destroyed: a child may be forked while the process exits.
registry &all() {
  static auto *const the_registry = new registry;
  return *the_registry;
}

void before() {
  all().access.lock();
  for (client_core *c : all().cores) c->watch().lock_for_fork();
}

void after_in_parent() {
  for (client_core *c : all().cores) c->watch().unlock_after_fork();
  all().access.unlock();
}

void after_in_child() {
  for (client_core *c : all().cores) {
    c->become_child();
    c->watch().unlock_after_fork();
  }
  all().cores.clear();
  all().access.unlock();
}

}  // namespace

void remember_for_fork(client_core &c) {
  static std::once_flag once;
  std::call_once(
      once, [] { pthread_atfork(before, after_in_parent, after_in_child); });
  const std::lock_guard guard(all().access);
  all().cores.push_back(&c);
}

void forget_for_fork(client_core &c) {
  const std::lock_guard guard(all().access);
  std::erase(all().cores, &c);
}

void client_core::become_child() { forked_ = true; }

}  // namespace pg_exclusive::detail
