# What is installed: the library, its headers, a CMake package, a pkg-config file.
# The tree can be moved: nothing in it names its prefix.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pg_exclusive)
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_to_prefix /${pc_dir} /)

install(TARGETS pg_exclusive pg_exclusive_static EXPORT pg_exclusiveTargets)
install(DIRECTORY include/pg_exclusive TYPE INCLUDE FILES_MATCHING PATTERN *.hpp)
install(FILES ${PROJECT_BINARY_DIR}/include/pg_exclusive/version.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pg_exclusive)
install(EXPORT pg_exclusiveTargets NAMESPACE pg_exclusive::
        DESTINATION ${package_dir})

configure_package_config_file(cmake/pg_exclusiveConfig.cmake.in
  pg_exclusiveConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(pg_exclusiveConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pg_exclusiveConfig.cmake
              ${PROJECT_BINARY_DIR}/pg_exclusiveConfigVersion.cmake
              cmake/Findlibpqxx.cmake cmake/libpq.cmake
        DESTINATION ${package_dir})

configure_file(cmake/pg_exclusive.pc.in pg_exclusive.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pg_exclusive.pc DESTINATION ${pc_dir})
