#include "peers/redis.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace bench {
namespace {

const char *const release_if_mine =
    "if redis.call('get', KEYS[1]) == ARGV[1] then "
    "return redis.call('del', KEYS[1]) else return 0 end";

// Where `run` has started the server.
int port() {
  const char *text = std::getenv("REDIS_PORT");
  return text == nullptr ? 0 : static_cast<int>(std::strtol(text, nullptr, 10));
}

}  // namespace

bool redis::there() { return std::getenv("REDIS_SOCKET") != nullptr; }

redis::redis(transport over)
    : context_(over == transport::unix_socket
                   ? redisConnectUnix(std::getenv("REDIS_SOCKET"))
                   : redisConnect("127.0.0.1", port())) {
  static std::atomic<int> number{0};
  if (!context_ || context_->err != 0) {
    throw std::runtime_error("could not connect to Redis");
  }
  mine_ = "client-" + std::to_string(++number);
  release_ =
      check(redisCommand(context_.get(), "SCRIPT LOAD %s", release_if_mine))
          ->str;
}

redis::reply redis::check(void *answer) {
  reply owner(static_cast<redisReply *>(answer), freeReplyObject);
  if (!owner || owner->type == REDIS_REPLY_ERROR) {
    throw std::runtime_error(owner ? owner->str : context_->errstr);
  }
  return owner;
}

bool redis::try_lock(const std::string &key) {
  return check(redisCommand(context_.get(), "SET %s %s NX PX 30000",
                            key.c_str(), mine_.c_str()))
             ->type == REDIS_REPLY_STATUS;
}

void redis::unlock(const std::string &key) {
  if (check(redisCommand(context_.get(), "EVALSHA %s 1 %s %s", release_.c_str(),
                         key.c_str(), mine_.c_str()))
          ->integer != 1) {
    throw std::runtime_error("Redis no longer had our lock");
  }
}

}  // namespace bench
