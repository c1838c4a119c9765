#include "pg_exclusive/version.hpp"

namespace pg_exclusive {

std::string_view library_version() noexcept { return PG_EXCLUSIVE_VERSION; }

}  // namespace pg_exclusive
