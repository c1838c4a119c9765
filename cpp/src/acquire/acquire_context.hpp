// What acquiring and releasing need of the client: besides what sessions need,
// its sessions and its local queues.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "acquire/local_queue.hpp"
#include "pg_exclusive/events.hpp"
#include "session/session_context.hpp"
#include "session/session_pool.hpp"

namespace pg_exclusive::detail {

class client_core;

class acquire_context : public session_context {
 public:
  session_pool &sessions() { return sessions_; }
  wait_graph &graph() { return graph_; }
  // Where the threads of this process meet for a lock, or for a permit.
  local_queue_ptr queue_of(const lock_name &name, int permits) {
    return permits > 0 ? permit_queues_.at(name) : queues_.at(name);
  }
  // Asks for a stop when the client is closed.
  [[nodiscard]] std::stop_token closing() const { return closing_.get_token(); }

  // The client itself, which grants keep alive.
  virtual std::shared_ptr<client_core> self() = 0;
  // Tells the event hook.  `took` is measured until now.
  virtual void tell(event_kind kind, const grant &g,
                    boot_clock::duration took) const = 0;

 protected:
  acquire_context(std::string conninfo, client_options options)
      : session_context(std::move(conninfo), std::move(options)),
        sessions_(*this) {}
  ~acquire_context() = default;

  std::stop_source closing_;
  local_queues queues_;
  local_queues permit_queues_;
  wait_graph graph_;
  session_pool sessions_;
};

}  // namespace pg_exclusive::detail
