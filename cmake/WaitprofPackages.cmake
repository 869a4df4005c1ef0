# The packages that waitprof builds on. A required one that is missing stops the configuration with
# the name of its Debian package; an optional one switches its feature off and says so.

include_guard(GLOBAL)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# waitprof_find(<PREFIX> <pkg-config module> <Debian package> <REQUIRED|OPTIONAL> <what it is for>)
# gives the target PkgConfig::<PREFIX>.
function(waitprof_find prefix module package need purpose)
    pkg_check_modules(${prefix} IMPORTED_TARGET GLOBAL QUIET ${module})
    if(${prefix}_FOUND)
        message(STATUS "${module} ${${prefix}_VERSION}: ${purpose}")
    elseif(need STREQUAL "REQUIRED")
        message(FATAL_ERROR "waitprof: ${module} is missing, needed for ${purpose}.\n"
            "Install the package ${package}, or run `make deps`.")
    else()
        message(STATUS "waitprof: ${module} is missing: no ${purpose}. It is in ${package}.")
    endif()
endfunction()

if(NOT (WAITPROF_ONLY_PRELOAD AND WAITPROF_ATOMIC_C11))
    waitprof_find(CK ck libck-dev REQUIRED "atomic operations and hash tables")
endif()
if(BUILD_TESTING)
    waitprof_find(CMOCKA cmocka libcmocka-dev OPTIONAL "unit tests")
endif()
if(WAITPROF_ONLY_PRELOAD)
    return()
endif()
waitprof_find(PROTOBUF_C libprotobuf-c libprotobuf-c-dev REQUIRED "encoding profiles")
waitprof_find(ZLIB zlib zlib1g-dev REQUIRED "compressing profiles")
waitprof_find(LIBDW libdw libdw-dev REQUIRED "symbols and inline frames")
waitprof_find(LIBELF libelf libelf-dev REQUIRED "checks of programs")
waitprof_find(JSON_C json-c libjson-c-dev REQUIRED "JSON output")
waitprof_find(MICROHTTPD libmicrohttpd libmicrohttpd-dev OPTIONAL "waitprof serve")
waitprof_find(CURL libcurl libcurl4-openssl-dev OPTIONAL "waitprof push")
waitprof_find(NCURSES ncursesw libncurses-dev OPTIONAL "full-screen waitprof top")
waitprof_find(LIBUNWIND libunwind libunwind-dev OPTIONAL "comparison of stacks with libunwind")

find_program(PROTOC_C_EXECUTABLE protoc-c)
if(NOT PROTOC_C_EXECUTABLE)
    message(FATAL_ERROR "waitprof: protoc-c is missing, needed for encoding profiles.\n"
        "Install the package protobuf-c-compiler, or run `make deps`.")
endif()

# libiberty has no pkg-config file. Waitprof::iberty exists only where it was found.
find_library(IBERTY_LIBRARY iberty)
find_path(IBERTY_INCLUDE_DIR libiberty/demangle.h)
if(IBERTY_LIBRARY AND IBERTY_INCLUDE_DIR)
    add_library(Waitprof::iberty UNKNOWN IMPORTED GLOBAL)
    set_target_properties(Waitprof::iberty PROPERTIES
        IMPORTED_LOCATION "${IBERTY_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${IBERTY_INCLUDE_DIR}"
        INTERFACE_COMPILE_DEFINITIONS WP_HAVE_IBERTY)
    message(STATUS "libiberty: demangling of C++ and Rust names")
else()
    message(STATUS "waitprof: libiberty is missing: C++ and Rust names stay mangled. "
        "It is in libiberty-dev.")
endif()
