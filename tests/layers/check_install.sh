#!/usr/bin/env bash
# An installed tree is whole and can be moved: the command runs and finds its library, pkg-config and
# CMake give a program what it needs to use waitprof.h.
#
#   check_install.sh CMAKE BUILD_DIR
set -euo pipefail

readonly cmake=$1 build=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail()
{
    echo "$*"
    exit 1
}

"$cmake" --install "$build" --prefix "$scratch/first" >"$scratch/log" || fail "$(cat "$scratch/log")"
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix
cd "$scratch"

library=$(find "$prefix" -name libwaitprof.so)
[[ -f $library ]] || fail "no libwaitprof.so below the prefix"
compgen -G "$prefix/share/man/man1/waitprof*.1" >/dev/null || fail "no man page"
for unit in waitprof-serve@.service waitprof-push@.service; do
    grep -q '^ExecStart=/.*/bin/waitprof ' "$prefix/lib/systemd/system/$unit" ||
        fail "$unit is not installed, or does not start the command"
done
grep -q '^Environment=LD_PRELOAD=/.*/libwaitprof.so$' "$prefix/share/waitprof/systemd/waitprof.conf" ||
    fail "no drop-in for systemd that names the library"
"$prefix/bin/waitprof" --version >version || fail "waitprof --version: status $?"
grep -q waitprof version || fail "waitprof --version printed: $(cat version)"

# A program that knows nothing of the rest of the project.
cat >program.c <<'SOURCE'
#include <waitprof.h>
int main(void) { return 0; }
SOURCE

pc=$(find "$prefix" -name waitprof.pc -printf '%h')
flags=$(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs waitprof) || fail "pkg-config does not know it"
# shellcheck disable=SC2086
cc $flags program.c -o by_pkg_config || fail "does not compile with: $flags"
./by_pkg_config || fail "a program with waitprof.h does not run without the library"

mkdir project
cat >project/CMakeLists.txt <<'PROJECT'
cmake_minimum_required(VERSION 3.25)
project(uses_waitprof C)
find_package(Waitprof 0.1 REQUIRED)
add_executable(program ../program.c)
target_link_libraries(program Waitprof::waitprof)
PROJECT
"$cmake" -S project -B built -DCMAKE_PREFIX_PATH="$prefix" >log && "$cmake" --build built >>log ||
    fail "find_package: $(cat log)"
./built/program || fail "the program built with CMake does not run"
