#!/bin/sh
# throughput.sh [ROUNDS [PROGRAM...]]
#
# Longer runs of memcached, postgresql, pigz, redis and nginx, bare and preloaded in alternation,
# with the rates of the environment (WAITPROF_BLOCK_RATE, WAITPROF_MUTEX_FRACTION) or the defaults.
# Prints the median and the spread (smallest to largest) of each, and the ratio of the medians.
# Finds the library and the load in the build tree named by WAITPROF_BUILD (default: build/release).
# shellcheck disable=SC1091,SC2034,SC2154
set -eu

rounds=${1:-7}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- memcached postgresql pigz redis nginx

build=${WAITPROF_BUILD:-$(dirname "$0")/../../build/release}
WAITPROF_LIBRARY=${WAITPROF_LIBRARY:-$build/lib/libwaitprof.so}
MEMCACHED_LOAD=${MEMCACHED_LOAD:-$(find "$build" -name memcached_load -type f | head -n 1)}
REAL_REQUESTS=${REAL_REQUESTS:-400000}
REAL_SECONDS=${REAL_SECONDS:-10}
REAL_LINES=${REAL_LINES:-12000000}
REAL_COMMANDS=${REAL_COMMANDS:-8000}
REAL_KILOBYTES=${REAL_KILOBYTES:-200000}

. "$(dirname "$0")/common.sh"

# summary FILE: median, smallest, largest.
summary() {
    sort -n "$1" | awk '{ value[NR] = $1 }
        END { printf "%d %d %d\n", (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2,
              value[1], value[NR] }'
}

measure_program() {
    real_begin "$1"
    for round in $(seq "$rounds"); do
        for mode in bare preloaded; do
            real_measure $mode
            echo "$throughput" >>"$scratch/throughput.$mode"
        done
    done
    bare=$(summary "$scratch/throughput.bare")
    preloaded=$(summary "$scratch/throughput.preloaded")
    echo "$bare $preloaded" | awk -v program="$program" -v unit="$real_unit" '{
        printf "%-11s bare %d (%d to %d), preloaded %d (%d to %d) %s, ratio %.3f\n",
               program, $1, $2, $3, $4, $5, $6, unit, $4 / $1 }'
}

for name in "$@"; do
    (measure_program "$name") || [ $? -eq 77 ]
done
