// Redis as a lock service, as its documentation recommends for one instance:
// SET key value NX PX, and a script that deletes the key if the value is ours.

#ifndef PG_EXCLUSIVE_TEST_BENCH_PEERS_REDIS_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_PEERS_REDIS_HPP_

#include <hiredis/hiredis.h>

#include <memory>
#include <string>

namespace bench {

class redis {
 public:
  // Connects to REDIS_SOCKET, or to REDIS_PORT on this machine.
  enum class transport { unix_socket, tcp };
  explicit redis(transport over);

  // True iff there is one to measure.
  static bool there();

  bool try_lock(const std::string &key);
  void unlock(const std::string &key);

 private:
  struct free_context {
    void operator()(redisContext *context) const { redisFree(context); }
  };
  using reply = std::unique_ptr<redisReply, void (*)(void *)>;
  reply check(void *answer);

  std::unique_ptr<redisContext, free_context> context_;
  std::string mine_, release_;
};

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_PEERS_REDIS_HPP_
