#!/bin/sh
# run.sh LINKING LIBRARY SOURCE PROGRAM
#
# Compiles SOURCE for musl as PROGRAM, LINKING being dynamic or static, and runs it without and with
# LIBRARY preloaded: output and exit status are the same, and no region is made. Exit status 77
# where musl-gcc is missing.
set -eu

linking=$1
library=$2
source=$3
program=$4

command -v musl-gcc >/dev/null 2>&1 || {
    echo "skipped: musl-gcc is missing. It is in the package musl-tools."
    exit 77
}

case $linking in
dynamic) option='' preloads=1 ;;
static) option=-static preloads=0 ;;
*) echo "run.sh: unknown linking '$linking': use dynamic or static" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086 # no option, or one
musl-gcc $option -O2 -D_GNU_SOURCE -o "$program" "$source"

directory=$(mktemp -d "${TMPDIR:-/tmp}/waitprof-musl-XXXXXX")
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/regions"

# The program says by its status whether the library is in it: or nothing would be proved below.
loaded=0
LD_PRELOAD="$library" "$program" library || loaded=$?
[ "$loaded" -eq "$preloads" ] || {
    echo "$program: the library is $loaded times in the process, not $preloads"
    exit 1
}

# run NAME [VARIABLE=VALUE...]: output and status go to files of that name.
run()
{
    name=$1
    shift
    status=0
    env "$@" "$program" >"$directory/$name" 2>&1 || status=$?
    echo "status $status" >>"$directory/$name"
}

run bare
grep -qx 'status 42' "$directory/bare" || {
    echo "$program fails without the library:"
    cat "$directory/bare"
    exit 1
}
run preloaded LD_PRELOAD="$library" WAITPROF_DIR="$directory/regions" WAITPROF_EVENTS=all \
    WAITPROF_BLOCK_RATE=1 WAITPROF_MUTEX_FRACTION=1
diff "$directory/bare" "$directory/preloaded"
run off LD_PRELOAD="$library" WAITPROF_DIR="$directory/regions" \
    WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0
diff "$directory/bare" "$directory/off"

# Its children may be programs of the other libc, and are profiled.
find "$directory/regions" -name "$(basename "$program").*" | grep . && {
    echo "$program has a region: on musl every wrapper is to be the original call"
    exit 1
}
exit 0
