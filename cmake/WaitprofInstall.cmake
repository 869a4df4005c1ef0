# What is installed where, and the Debian package.

include_guard(GLOBAL)
include(CMakePackageConfigHelpers)

set(WAITPROF_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/Waitprof")

# The library goes where the dynamic linker looks, so that LD_PRELOAD=libwaitprof.so is enough.
install(TARGETS waitprof RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS waitprof_preload LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/waitprof.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" FILES_MATCHING PATTERN "*.1")
install(FILES README.md CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}" OPTIONAL)
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" RENAME copyright)

# For programs that set their own rates and labels: a header, and nothing to link.
add_library(waitprof_api INTERFACE)
set_target_properties(waitprof_api PROPERTIES EXPORT_NAME waitprof)
target_include_directories(waitprof_api INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
add_library(Waitprof::waitprof ALIAS waitprof_api)
install(TARGETS waitprof_api EXPORT WaitprofTargets)
install(EXPORT WaitprofTargets NAMESPACE Waitprof:: DESTINATION "${WAITPROF_CMAKE_DIR}")
configure_package_config_file(cmake/WaitprofConfig.cmake.in
    "${PROJECT_BINARY_DIR}/WaitprofConfig.cmake" INSTALL_DESTINATION "${WAITPROF_CMAKE_DIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/WaitprofConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    "${PROJECT_BINARY_DIR}/WaitprofConfig.cmake" "${PROJECT_BINARY_DIR}/WaitprofConfigVersion.cmake"
    DESTINATION "${WAITPROF_CMAKE_DIR}")

file(RELATIVE_PATH WAITPROF_PC_TO_PREFIX
    "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file(cmake/waitprof.pc.in waitprof.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/waitprof.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# systemd units; what two of them share stands in one place.
set(systemd_source "${PROJECT_SOURCE_DIR}/packaging/systemd")
set(systemd_built "${PROJECT_BINARY_DIR}/systemd")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${systemd_source}/hardening.conf")
file(READ "${systemd_source}/hardening.conf" WAITPROF_UNIT_HARDENING)
foreach(file IN ITEMS waitprof-serve@.service waitprof-push@.service waitprof.conf)
    configure_file("${systemd_source}/${file}.in" "${systemd_built}/${file}" @ONLY)
endforeach()
install(FILES "${systemd_built}/waitprof-serve@.service" "${systemd_built}/waitprof-push@.service"
    DESTINATION lib/systemd/system)
install(FILES "${systemd_built}/waitprof.conf"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/waitprof/systemd")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The waitprof authors <waitprof@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Shows where a program waits and who makes it wait: an unmodified program runs
under a preloaded library, and its waits for locks, conditions and input become
block and mutex profiles that go tool pprof reads.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
include(CPack)
