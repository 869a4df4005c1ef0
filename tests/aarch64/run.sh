#!/bin/sh
# run.sh CMAKE SOURCE BUILD TYPE
#
# Builds libwaitprof.so and its tests for aarch64 in the directory BUILD and runs them with
# qemu-user. Exit status 77 where a tool for that is missing.
set -eu

cmake=$1
source=$2
build=$3
type=$4

need()
{
    command -v "$1" >/dev/null 2>&1 || {
        echo "skipped: $1 is missing. It is in the package $2."
        exit 77
    }
}

need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need qemu-aarch64 qemu-user
need ninja ninja-build
echo 'int main(void) { return 0; }' | aarch64-linux-gnu-gcc -x c -o /dev/null - 2>/dev/null || {
    echo "skipped: aarch64-linux-gnu-gcc makes no program. Its libc is in libc6-dev-arm64-cross."
    exit 77
}

"$cmake" -S "$source" -B "$build" -G Ninja \
    --toolchain "$source/cmake/aarch64-linux-gnu.cmake" \
    -DWAITPROF_ONLY_PRELOAD=ON -DWAITPROF_ATOMIC_C11=ON -DCMAKE_BUILD_TYPE="$type" \
    -DCMAKE_C_FLAGS_DEBUG="-O2 -g"
"$cmake" --build "$build" --parallel 2
status=0
"${cmake%cmake}ctest" --test-dir "$build" --parallel 2 --output-on-failure --no-tests=error ||
    status=$?
echo "Left out:"
grep '^skipped:' "$build/Testing/Temporary/LastTest.log"
exit "$status"
