// Which way bytes go, and how a link ends.
#pragma once

#include <cstddef>

namespace test_proxy {

enum class direction { to_server, to_client };

constexpr std::size_t index(direction where) {
  return where == direction::to_server ? 0 : 1;
}

enum class ending {
  fin,     // both sides see an orderly close
  rst,     // both sides see a reset
  silence  // both sides see nothing, ever
};

}  // namespace test_proxy
