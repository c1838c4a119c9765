# Finds libpqxx, of which Debian 12 has no CMake package: libpqxx::pqxx.
find_package(PkgConfig REQUIRED)
pkg_check_modules(libpqxx_PC QUIET IMPORTED_TARGET libpqxx)
set(libpqxx_VERSION ${libpqxx_PC_VERSION})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libpqxx
  REQUIRED_VARS libpqxx_PC_FOUND VERSION_VAR libpqxx_VERSION)
if(libpqxx_FOUND AND NOT TARGET libpqxx::pqxx)
  add_library(libpqxx::pqxx INTERFACE IMPORTED)
  target_link_libraries(libpqxx::pqxx INTERFACE PkgConfig::libpqxx_PC)
endif()
