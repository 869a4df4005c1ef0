# How sample programs are built and run: here, and in directories that borrow programs of this one.
#
# Cross-compiled programs run under CMAKE_CROSSCOMPILING_EMULATOR, and see EXPECT_HOST_SYSCALLS
# (expect.h).

include_guard(GLOBAL)

set(transparency_runner "${CMAKE_CURRENT_LIST_DIR}/run.sh")
set(transparency_library "$<TARGET_FILE:waitprof_preload>")

# The samples are ordinary programs: never instrumented, whatever the preset.
add_library(transparency_c_flags INTERFACE)
target_link_libraries(transparency_c_flags INTERFACE
    waitprof_strict_flags Threads::Threads ${CMAKE_DL_LIBS})
set(transparency_environment "")
if(CMAKE_CROSSCOMPILING)
    list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " transparency_environment)
    set(transparency_environment "WAITPROF_TEST_EMULATOR=${transparency_environment}")
    target_compile_definitions(transparency_c_flags INTERFACE
        "EXPECT_HOST_SYSCALLS=\"${CMAKE_CURRENT_BINARY_DIR}/host_syscalls.inc\"")
    execute_process(
        COMMAND "${CMAKE_CURRENT_LIST_DIR}/host_syscalls.sh"
        OUTPUT_FILE "${CMAKE_CURRENT_BINARY_DIR}/host_syscalls.inc" COMMAND_ERROR_IS_FATAL ANY)
endif()
add_library(transparency_cxx_flags INTERFACE)
target_compile_features(transparency_cxx_flags INTERFACE cxx_std_17)
target_compile_definitions(transparency_cxx_flags INTERFACE _GNU_SOURCE)
target_include_directories(transparency_cxx_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_options(transparency_cxx_flags INTERFACE
    -Wall -Wextra -Wshadow -Wcast-align -Wundef $<$<BOOL:${WAITPROF_WERROR}>:-Werror>)
target_link_libraries(transparency_cxx_flags INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

# waitprof_add_transparency_run(NAME <test> PROGRAM <target>
#                               [ARGS <argument>...] [ENV <variable=value>...]
#                               [MODES <bare|preloaded|off>...] [TIMEOUT <seconds>])
#
# The ctests transparency.<test>.bare, .preloaded and .off of a program that exists.
function(waitprof_add_transparency_run)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;PROGRAM;TIMEOUT" "ARGS;ENV;MODES")
    if(NOT arg_MODES)
        set(arg_MODES bare preloaded off)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    foreach(mode IN LISTS arg_MODES)
        set(test transparency.${arg_NAME}.${mode})
        add_test(NAME ${test}
            COMMAND "${transparency_runner}" ${mode} "${transparency_library}"
                    "$<TARGET_FILE:${arg_PROGRAM}>" ${arg_ARGS})
        set_tests_properties(${test} PROPERTIES
            LABELS transparency
            TIMEOUT ${arg_TIMEOUT}
            SKIP_RETURN_CODE 77
            ENVIRONMENT "${transparency_environment};${arg_ENV}")
    endforeach()
endfunction()

# waitprof_add_transparency_program(NAME <program> SOURCES <file>... [LANG CXX] [LIBS <library>...]
#                                   [OPTIONS <compiler option>...] [LINK_OPTIONS <option>...])
function(waitprof_add_transparency_program)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LANG" "SOURCES;LIBS;OPTIONS;LINK_OPTIONS")
    set(flags transparency_c_flags)
    if(arg_LANG STREQUAL "CXX")
        set(flags transparency_cxx_flags)
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_compile_options(${arg_NAME} PRIVATE ${arg_OPTIONS})
    target_link_options(${arg_NAME} PRIVATE ${arg_LINK_OPTIONS})
    target_link_libraries(${arg_NAME} PRIVATE ${flags} ${arg_LIBS})
endfunction()

# waitprof_add_transparency_test(NAME <test> ...): a program transparency_<test>, and its runs.
# Takes the arguments of both functions above.
function(waitprof_add_transparency_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LANG;TIMEOUT"
        "SOURCES;LIBS;OPTIONS;LINK_OPTIONS;ARGS;ENV;MODES")
    if(arg_LANG STREQUAL "CXX" AND NOT CMAKE_CXX_COMPILER)
        return()
    endif()
    waitprof_add_transparency_program(NAME transparency_${arg_NAME} LANG "${arg_LANG}"
        SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} OPTIONS ${arg_OPTIONS}
        LINK_OPTIONS ${arg_LINK_OPTIONS})
    waitprof_add_transparency_run(NAME ${arg_NAME} PROGRAM transparency_${arg_NAME}
        TIMEOUT "${arg_TIMEOUT}" ARGS ${arg_ARGS} ENV ${arg_ENV} MODES ${arg_MODES})
endfunction()

# waitprof_add_transparency_library(<target> <source>): a library of the tests' own.
function(waitprof_add_transparency_library name source)
    add_library(${name} SHARED ${source})
    get_filename_component(extension "${source}" EXT)
    if(extension STREQUAL ".cpp")
        target_link_libraries(${name} PRIVATE transparency_cxx_flags)
    else()
        target_link_libraries(${name} PRIVATE transparency_c_flags)
    endif()
endfunction()
