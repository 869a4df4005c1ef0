#!/bin/sh
# check.sh PROGRAM
#
# Runs the program of program_PROGRAM.sh bare, preloaded, bare, preloaded: the same result and exit
# status each time, and profiles that show where it waited. Throughput is printed, not judged.
# shellcheck disable=SC1091,SC2034,SC2154
set -eu

. "$(dirname "$0")/common.sh"

# Short runs: what must show may not depend on which of a few waits were selected.
export WAITPROF_BLOCK_RATE=10000 WAITPROF_MUTEX_FRACTION=1

# Leaves that must be among the most costly of the profile: the calls in which the program waits.
expected_leaves() {
    case $program.$1 in
    memcached.block) echo "pthread_cond_wait" ;;
    postgresql.block) echo "epoll_wait" ;;
    pigz.block) echo "pthread_cond_wait pthread_mutex_lock" ;;
    pigz.mutex) echo "pthread_mutex_unlock" ;;
    redis.block) echo "fdatasync" ;;
    nginx.block) echo "pread" ;;
    esac
}

# What some stack must have, one a line: functions of libc, or of the program where it exports its
# own, root first and joined by semicolons, and the kind of the wait behind them.
expected_stacks() {
    case $program.$1 in
    memcached.block | pigz.block) echo "start_thread.*;[cond]" ;;
    postgresql.block)
        echo "PostgresMain;.*;secure_read;WaitEventSetWait;epoll_wait;[poll]"
        echo "PostgresMain;.*;mdread;FileRead;pread;[read]"
        echo "PostgresMain;.*;PGSemaphoreLock;sem_wait;[sem]"
        ;;
    redis.block) echo "main;aeMain;.*beforeSleep;flushAppendOnlyFile;fdatasync;[disk]" ;;
    # The reads of a worker, which the master starts by ngx_spawn_process.
    nginx.block)
        echo "main;ngx_master_process_cycle;.*;ngx_spawn_process;.*;ngx_read_file;pread;[read]"
        ;;
    esac
}

# folded PROFILE: the stacks of all regions, one a line, root first, then the kind and the value.
folded() {
    for region in "$regions"/*.wpr; do
        [ -e "$region" ] || real_fail "the preloaded run left no region in $regions"
        "$WAITPROF_COMMAND" export "$region" --profile "$1" --format folded --labels kind ||
            real_fail "waitprof export --profile $1 failed"
    done
}

check_profile() {
    folded "$1" >"$scratch/$1.folded"
    echo "$program, top leaves of the $1 profile (ns):"
    # "frame;frame;leaf;[kind] value": by leaf.
    sed 's/^\(.*;\)\{0,1\}\([^;]*\);\[[^;]*\] \([0-9.]*\)$/\2 \3/' "$scratch/$1.folded" |
        awk '{ sum[$1] += $2 } END { for (leaf in sum) printf "%18.0f %s\n", sum[leaf], leaf }' |
        sort -rn | head -n 5 | tee "$scratch/$1.top"
    echo "$program, top stacks of the $1 profile (root first, ns):"
    awk '{ print $NF, $0 }' "$scratch/$1.folded" | sort -rn | head -n 5 | cut -d ' ' -f 2-
    for leaf in $(expected_leaves "$1"); do
        grep -q " $leaf\$" "$scratch/$1.top" ||
            real_fail "$leaf is not among the top leaves of the $1 profile"
    done
    expected_stacks "$1" | while read -r stack; do
        grep -q "$(echo "$stack" | sed 's/[][]/\\&/g') [0-9]" "$scratch/$1.folded" ||
            real_fail "the $1 profile has no stack with $stack"
    done
    if grep -F '[unwind failed]' "$scratch/$1.folded" >&2; then
        real_fail "stacks of the $1 profile end before their root"
    fi
}

real_begin "$1"
first=
for round in 1 2; do
    for mode in bare preloaded; do
        real_measure $mode
        echo "$program, $mode: $throughput $real_unit; $result"
        [ -n "$first" ] || first=$result
        [ "$result" = "$first" ] || real_fail "the result of the $mode run differs: $result"
    done
done
check_profile block
check_profile mutex
