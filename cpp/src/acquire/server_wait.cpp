#include "acquire/server_wait.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

#include "base/start_thread.hpp"

namespace pg_exclusive::detail {
namespace {

// An eventfd that a stop makes readable.
class bell {
 public:
  bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) {
      throw std::system_error(errno, std::generic_category(), "eventfd");
    }
  }
  bell(const bell &) = delete;
  bell &operator=(const bell &) = delete;
  ~bell() { close(fd_); }
  void ring() const { eventfd_write(fd_, 1); }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

enum class heard { answer, bell, nothing };

// Waits for the answer to be complete.
heard listen(PGconn *connection, const bell *stop,
             std::optional<boot_clock::time_point> until) {
  for (;;) {
    if (PQconsumeInput(connection) == 0 || PQisBusy(connection) == 0) {
      return heard::answer;  // or the connection broke, which is one
    }
    int timeout = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(
          *until - boot_clock::now());
      if (left.count() <= 0) return heard::nothing;
      timeout =
          static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000));
    }
    std::array<pollfd, 2> fds{{{PQsocket(connection), POLLIN, 0},
                               {stop == nullptr ? -1 : stop->fd(), POLLIN, 0}}};
    poll(fds.data(), fds.size(), timeout);
    if (fds[1].revents != 0) return heard::bell;
  }
}

// Gives back what came all the same.
void hand_back(session &s, PGconn *connection, const wanted_lock &lock,
               std::int64_t token) {
  request c(request_kind::unlock);
  c.name = &lock.name;
  c.mode = lock.mode;
  c.token = token;
  const std::array<request *, 1> calls{&c};
  if (!s.language().send(connection, calls)) return;
  const auto result = pq::take_result(connection);
  if (result) s.language().receive(connection, result.get(), calls);
}

// Asks the server to cancel what the session waits for.  PQcancel() blocks for
// as long as the server is silent, so it has a thread of its own, which nobody
// waits for when the session is over.
void cancel(session &s, PGconn *connection) {
  struct request {
    std::unique_ptr<PGcancel, pq::finish> what;
    std::promise<void> done;
  };
  const auto shared = std::make_shared<request>();
  shared->what.reset(PQgetCancel(connection));
  if (!shared->what) return;
  start_thread([shared] {
    std::array<char, 256> message{};
    PQcancel(shared->what.get(), message.data(), message.size());
    shared->done.set_value();
  }).detach();
  const auto done = shared->done.get_future();
  while (s.alive() && done.wait_for(std::chrono::milliseconds(10)) ==
                          std::future_status::timeout) {
  }
}

// Cancels, and makes sure of what became of it, as long as the server answers.
// What it does not answer, the end of the session frees.
void abandon(session &s, PGconn *connection, const wanted_lock &lock,
             std::chrono::milliseconds patience) {
  const auto until = s.end_at(boot_clock::now() + patience);
  cancel(s, connection);
  if (listen(connection, nullptr, until) == heard::answer) {
    const auto result = pq::take_result(connection);
    const auto answer =
        s.language().read_wait(connection, result.get(), lock.name);
    if (answer.token) hand_back(s, connection, lock, *answer.token);
  }
  s.lease().end();
}

}  // namespace

server_wait_end wait_for_lock(session &s, PGconn *connection,
                              const wanted_lock &lock,
                              std::optional<std::chrono::milliseconds> wait,
                              std::chrono::milliseconds patience,
                              const std::stop_token &stop,
                              const std::stop_token &closing) {
  const bell stopped;
  const std::stop_callback on_stop(stop, [&] { stopped.ring(); });
  const std::stop_callback on_close(closing, [&] { stopped.ring(); });
  server_wait_end end;
  end.sent = boot_clock::now();
  std::optional<boot_clock::time_point> until;
  if (wait) until = end.sent + *wait + patience;
  s.language().send_wait(connection, lock, wait);
  s.lease().set(boot_clock::time_point::max());
  switch (listen(connection, &stopped, until)) {
    case heard::bell:
      end.how = server_wait_end::stopped;
      abandon(s, connection, lock, patience);
      return end;
    case heard::nothing:
      end.how = server_wait_end::overdue;
      abandon(s, connection, lock, patience);
      return end;
    case heard::answer:
      break;
  }
  const auto result = pq::take_result(connection);
  end.answer = s.language().read_wait(connection, result.get(), lock.name);
  return end;
}

}  // namespace pg_exclusive::detail
