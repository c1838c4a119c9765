// Starts a thread of the library.
#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace pg_exclusive::detail {

// The new thread blocks all signals.  So a signal reaches a thread of the
// program, which may wait for it with sigwait() or signalfd, and a slow handler
// never holds up a heartbeat.
template <class F>
std::thread start_thread(F &&body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread started(std::forward<F>(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace pg_exclusive::detail
