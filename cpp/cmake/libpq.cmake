# libpq, as CMake names it: PostgreSQL::PostgreSQL.  CMake's own module would
# not do without the headers of the server.
find_package(PkgConfig REQUIRED)
if(NOT TARGET PostgreSQL::PostgreSQL)
  pkg_check_modules(libpq_PC REQUIRED QUIET IMPORTED_TARGET libpq)
  add_library(PostgreSQL::PostgreSQL INTERFACE IMPORTED)
  target_link_libraries(PostgreSQL::PostgreSQL INTERFACE PkgConfig::libpq_PC)
endif()
