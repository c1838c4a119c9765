// etcd as a lock service: a transaction that puts the key, bound to a lease,
// if nobody has; a delete.  Through its JSON gateway, because that needs no
// generated client; gRPC is faster on the client's side.

#ifndef PG_EXCLUSIVE_TEST_BENCH_PEERS_ETCD_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_PEERS_ETCD_HPP_

#include <curl/curl.h>

#include <memory>
#include <string>

namespace bench {

class etcd {
 public:
  // Connects to BENCH_ETCD_URL and takes a lease of a minute.
  etcd();

  // True iff there is one to measure.
  static bool there();

  void lock(const std::string &key);
  void unlock(const std::string &key);

 private:
  std::string post(const std::string &path, const std::string &body);

  std::unique_ptr<CURL, void (*)(CURL *)> http_;
  std::string lease_;
};

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_PEERS_ETCD_HPP_
