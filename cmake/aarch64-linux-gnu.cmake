# Toolchain file: builds libwaitprof.so for aarch64 on another machine, and runs its tests with
# qemu-user.
#
#   cmake -S . -B build/aarch64 -G Ninja --toolchain cmake/aarch64-linux-gnu.cmake \
#       -DWAITPROF_ONLY_PRELOAD=ON -DWAITPROF_ATOMIC_C11=ON
#
# C11 atomics: Concurrency Kit's headers are those of the machine that builds, configured for its
# processor (ck_md.h of x86_64 says that stores are never reordered).

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
find_program(waitprof_cross_cxx aarch64-linux-gnu-g++)
if(waitprof_cross_cxx)
    set(CMAKE_CXX_COMPILER "${waitprof_cross_cxx}")
else()
    set(CMAKE_CXX_COMPILER "")
endif()

set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
