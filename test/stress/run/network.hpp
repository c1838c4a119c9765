// A far place: a network namespace whose only way to the server leads through
// a router that can swallow every packet without a word.
//
// (Taking a link down tells both ends; a router that stops forwarding does
// not.)  Needs the right to make network namespaces.

#ifndef PG_EXCLUSIVE_TEST_STRESS_RUN_NETWORK_HPP_
#define PG_EXCLUSIVE_TEST_STRESS_RUN_NETWORK_HPP_

#include <string>

namespace harness {

class Network {
 public:
  // Returns whether this machine lets us make one.
  static bool possible();

  Network();
  ~Network();
  Network(const Network &) = delete;
  Network &operator=(const Network &) = delete;

  const std::string &far() const { return far_; }
  const std::string &server_address() const { return server_address_; }
  const std::string &far_subnet() const { return far_subnet_; }

  void cut() { forward(false); }
  void mend() { forward(true); }

 private:
  void forward(bool on);
  void build();
  void destroy();

  std::string router_;
  std::string far_;
  std::string link_;
  std::string server_address_;
  std::string far_subnet_;
};

}  // namespace harness

#endif  // PG_EXCLUSIVE_TEST_STRESS_RUN_NETWORK_HPP_
