#!/bin/sh
# run.sh MODE LIBRARY PROGRAM [ARGUMENT...]
#
# Runs a sample program and passes on its exit status. MODE: bare; preloaded (every event sampled);
# off (preloaded with rates 0/0). Regions go to a directory of this run, removed afterwards.
# WAITPROF_TEST_FIRST and WAITPROF_TEST_LAST name libraries to preload before and after LIBRARY (in
# the bare mode alone): a sanitizer's runtime, say. WAITPROF_TEST_TIMES is how often to run it, 1 if
# unset; the first failure ends. WAITPROF_TEST_EMULATOR runs programs of another processor, and sets
# their environment with -E.
set -eu

mode=$1
library=$2
shift 2

WAITPROF_DIR=$(mktemp -d "${TMPDIR:-/tmp}/waitprof-run-XXXXXX")
export WAITPROF_DIR
trap 'rm -rf "$WAITPROF_DIR"' EXIT

case $mode in
bare)
    library=
    ;;
preloaded)
    export WAITPROF_BLOCK_RATE=1 WAITPROF_MUTEX_FRACTION=1
    ;;
off)
    export WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0
    ;;
*)
    echo "run.sh: unknown mode '$mode': use bare, preloaded or off" >&2
    exit 2
    ;;
esac

preload=${WAITPROF_TEST_FIRST:-}:$library:${WAITPROF_TEST_LAST:-}
status=0
i=0
while [ "$status" -eq 0 ] && [ "$i" -lt "${WAITPROF_TEST_TIMES:-1}" ]; do
    if [ -n "${WAITPROF_TEST_EMULATOR:-}" ]; then
        # shellcheck disable=SC2086 # a command and its options
        env WAITPROF_TEST_MODE="$mode" $WAITPROF_TEST_EMULATOR -E LD_PRELOAD="$preload" "$@" ||
            status=$?
    else
        env WAITPROF_TEST_MODE="$mode" LD_PRELOAD="$preload" "$@" || status=$?
    fi
    i=$((i + 1))
done
exit "$status"
