// What goes wrong only when a thread is held up at a certain place.
//
// Here a thread that wants to be slow is held up wherever it enters or leaves a
// critical section, so that what others can do meanwhile, they do.
#include <dlfcn.h>
#include <pthread.h>

#include <random>

#include "support.hpp"

namespace {

std::atomic<int> slowest{0};  // microseconds
thread_local bool slow = false;

void dawdle() {
  thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> time(0, slowest);
  std::this_thread::sleep_for(std::chrono::microseconds(time(random)));
}

using function = int (*)(pthread_mutex_t *);

function libc(const char *name) {
  return reinterpret_cast<function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Instead of libc's, for the library too.
extern "C" [[gnu::visibility("default")]] int pthread_mutex_lock(
    pthread_mutex_t *mutex) noexcept {
  static const function real = libc("pthread_mutex_lock");
  if (slow) dawdle();
  return real(mutex);
}

extern "C" [[gnu::visibility("default")]] int pthread_mutex_unlock(
    pthread_mutex_t *mutex) noexcept {
  static const function real = libc("pthread_mutex_unlock");
  const int result = real(mutex);
  if (slow) dawdle();
  return result;
}

namespace {

using namespace support;  // NOLINT

// Makes the calling thread slow.
class slowness {
 public:
  explicit slowness(std::chrono::microseconds at_most) {
    slowest = static_cast<int>(at_most.count());
    slow = true;
  }
  slowness(const slowness &) = delete;
  slowness &operator=(const slowness &) = delete;
  ~slowness() { slow = false; }
};

// A heartbeat that is wanted while a thread is about to send its call.
TEST(race, of_a_heartbeat_and_a_call) {
  client locks{"", {.lease = 1s}};
  const auto name = unique_name();
  const auto end = std::chrono::steady_clock::now() + 5s;
  std::jthread caller([&] {
    const slowness here(1ms);
    while (std::chrono::steady_clock::now() < end) {
      auto granted = locks.try_lock(name);
      ASSERT_TRUE(granted);
      (*granted).unlock();
    }
  });
  caller.join();
  EXPECT_GE(locks.stats().heartbeats, 10);
  EXPECT_EQ(locks.stats().losses, 0);
}

// A session that dies while what it was granted is not registered yet.
TEST(race, of_a_grant_and_the_end_of_its_session) {
  client other;
  int granted = 0;
  for (int round = 0; round < 20 && granted < 5; ++round) {
    client locks{"application_name=race_waiter"};
    const auto name = unique_name();
    hold first = *other.try_lock(name);
    std::jthread waiter([&] {
      const slowness here(30ms);
      try {
        const hold held = *locks.lock(name);
        ++granted;
        EXPECT_TRUE(eventually([&] { return held.lost().stop_requested(); }));
        EXPECT_EQ(locks.stats().losses, 1);
      } catch (const lock_error &) {
        // It was told at once.
      }
    });
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; }));
    first.unlock();
    ASSERT_TRUE(eventually([&] { return holders(name) == 1; }));
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'race_waiter'");
  }
  EXPECT_GT(granted, 0);
}

}  // namespace
