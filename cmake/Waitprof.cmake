# How every part of waitprof is compiled.
#
#   waitprof_flags          what each target links: language, warnings, include directories, and the
#                           preset's instrumentation (sanitizers, coverage)
#   waitprof_inject_flags   the same for code that is loaded into foreign programs: never
#                           instrumented, and built so that it needs nothing but libc
#   waitprof_add_core_library(), waitprof_add_unit_test()

include_guard(GLOBAL)
include(CheckCCompilerFlag)

option(WAITPROF_WERROR "Treat warnings as errors" ON)
option(WAITPROF_ATOMIC_C11 "Use the compiler's C11 atomics instead of Concurrency Kit" OFF)
option(WAITPROF_ONLY_PRELOAD
    "Build only libwaitprof.so and its tests: what there is to build for another processor" OFF)
option(WAITPROF_FUZZ "Build the fuzz targets with libFuzzer (needs clang)" OFF)
set(WAITPROF_INSTRUMENT "" CACHE STRING
    "Instrument everything but the injected library: address, undefined, thread, coverage, or nothing")

# --- Strict: the part that instrumented and injected code have in common ---------------------------

add_library(waitprof_strict_flags INTERFACE)
target_compile_features(waitprof_strict_flags INTERFACE c_std_11)
target_include_directories(waitprof_strict_flags INTERFACE
    "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
# _GNU_SOURCE is empty, as a source that defines it for itself has it: no clash. C++ has it anyway.
target_compile_definitions(waitprof_strict_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=>
    WAITPROF_VERSION="${PROJECT_VERSION}"
    $<$<BOOL:${WAITPROF_ATOMIC_C11}>:WP_ATOMIC_C11>)
# No -Wpedantic: core and interpose need GNU extensions (statement expressions, symbol versions).
# The public header, which must not, is compiled with it by a test. No -Wsign-conversion: in code
# that mixes sizes, differences and offsets it asks for casts that hide more than they show. No
# -Wcast-align: the region and ELF images are read by offset, and their layouts keep alignment. clang
# does not know gcc's attributes copy and noipa (gcc watches their spelling), and objects to
# `condition && "reason"`.
target_compile_options(waitprof_strict_flags INTERFACE
    -fno-common
    -Wall
    -Wextra
    -Wconversion
    -Wformat=2
    -Wimplicit-fallthrough
    -Wnull-dereference
    -Wpointer-arith
    -Wshadow
    -Wundef
    -Wvla
    -Wwrite-strings
    -Wno-sign-conversion
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wold-style-definition>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<C_COMPILER_ID:GNU>:-Wduplicated-cond>
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op>
    $<$<C_COMPILER_ID:Clang>:-Wno-string-conversion>
    $<$<C_COMPILER_ID:Clang>:-Wno-unknown-attributes>
    $<$<BOOL:${WAITPROF_WERROR}>:-Werror>)
# cmpxchg16b, for the two-word compare and swap.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(waitprof_strict_flags INTERFACE -mcx16)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    # Atomic operations in place, not by functions of libgcc, which would be chosen in a constructor.
    check_c_compiler_flag(-mno-outline-atomics WAITPROF_HAVE_NO_OUTLINE_ATOMICS)
    if(WAITPROF_HAVE_NO_OUTLINE_ATOMICS)
        target_compile_options(waitprof_strict_flags INTERFACE -mno-outline-atomics)
    endif()
endif()

# --- What the preset adds --------------------------------------------------------------------------

add_library(waitprof_instrument_flags INTERFACE)
if(WAITPROF_INSTRUMENT STREQUAL "coverage")
    target_compile_options(waitprof_instrument_flags INTERFACE --coverage)
    target_link_options(waitprof_instrument_flags INTERFACE --coverage)
elseif(WAITPROF_INSTRUMENT)
    set(waitprof_sanitize -fsanitize=${WAITPROF_INSTRUMENT})
    if(WAITPROF_INSTRUMENT MATCHES "undefined")
        list(APPEND waitprof_sanitize -fno-sanitize-recover=all)
    endif()
    target_compile_options(waitprof_instrument_flags INTERFACE
        ${waitprof_sanitize} -fno-omit-frame-pointer)
    target_link_options(waitprof_instrument_flags INTERFACE ${waitprof_sanitize})
endif()
if(WAITPROF_INSTRUMENT)
    # gcc's analysis of data flow gets lost in instrumented code; the other presets hold it.
    target_compile_options(waitprof_instrument_flags INTERFACE
        $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
        $<$<C_COMPILER_ID:GNU>:-Wno-null-dereference>)
endif()
if(WAITPROF_FUZZ)
    # fuzzer-no-link: coverage for libFuzzer everywhere, its main() in the fuzz targets alone.
    target_compile_options(waitprof_instrument_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(waitprof_instrument_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(waitprof_flags INTERFACE)
target_link_libraries(waitprof_flags INTERFACE waitprof_strict_flags waitprof_instrument_flags)
# Where the command finds the library if it is not in ../lib beside it.
target_compile_definitions(waitprof_flags INTERFACE
    WAITPROF_LIBRARY_INSTALL_PATH="${CMAKE_INSTALL_FULL_LIBDIR}/libwaitprof.so")

# --- Code in foreign programs ----------------------------------------------------------------------

# Unwind tables and -fexceptions: a cancelled thread unwinds through our frames, and a program's
# cleanup handlers must run. initial-exec: the only thread-local model that never allocates.
# No fortified functions and no stack protector: each would be one more symbol that the library asks
# of the program's libc, and differently on each distribution.
add_library(waitprof_inject_flags INTERFACE)
target_link_libraries(waitprof_inject_flags INTERFACE waitprof_strict_flags)
target_compile_options(waitprof_inject_flags INTERFACE
    -fPIC
    -fvisibility=hidden
    -fexceptions
    -fasynchronous-unwind-tables
    -fno-omit-frame-pointer
    -ftls-model=initial-exec
    -fno-stack-protector
    -U_FORTIFY_SOURCE)
# nodelete: wrappers may be on any stack when somebody calls dlclose. now: no symbol of ours is
# resolved lazily, while a lock of the program may be held.
target_link_options(waitprof_inject_flags INTERFACE
    LINKER:-z,now
    LINKER:-z,nodelete
    LINKER:-z,relro
    LINKER:-z,noexecstack
    LINKER:--no-undefined
    LINKER:--as-needed
    LINKER:--build-id)

# --- Functions -------------------------------------------------------------------------------------

# waitprof_add_core_library(<name> SOURCES <file>...)
#
# Makes <name>, for tests and for the tools outside, instrumented as the preset says, and
# <name>_injected, for libwaitprof.so, which never is. Without instrumentation they are one.
function(waitprof_add_core_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
    if(WAITPROF_INSTRUMENT OR WAITPROF_FUZZ)
        add_library(${name} STATIC ${arg_SOURCES})
        target_link_libraries(${name} PUBLIC waitprof_flags)
        set(injected ${name}_injected)
    else()
        set(injected ${name})
    endif()
    add_library(${injected} STATIC ${arg_SOURCES})
    target_link_libraries(${injected}
        PRIVATE waitprof_inject_flags INTERFACE waitprof_strict_flags)
    if(NOT TARGET ${name}_injected)
        add_library(${name}_injected ALIAS ${name})
    endif()
endfunction()

# Everything that tests with the label "unit" need: what the sanitizers build.
add_custom_target(unit_tests)

# waitprof_add_unit_test(NAME <name> SOURCES <file>... [LIBS <target>...])
#
# Makes a cmocka program <name> and the ctest entry of the same name, with the label "unit".
function(waitprof_add_unit_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LIBS")
    if(NOT TARGET PkgConfig::CMOCKA)
        return()
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE waitprof_flags ${arg_LIBS} PkgConfig::CMOCKA)
    target_include_directories(${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
    set_tests_properties(${arg_NAME} PROPERTIES LABELS unit TIMEOUT 120)
    add_dependencies(unit_tests ${arg_NAME})
endfunction()
