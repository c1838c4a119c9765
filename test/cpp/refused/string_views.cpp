// turn each std::string_view into a std::string
#include <pg_exclusive/client.hpp>
#include <string_view>

bool example(pg_exclusive::client &locks, std::string_view space,
             std::string_view key) {
  return locks.try_lock({space, key}).ran();
}
