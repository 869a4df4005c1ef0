# shellcheck shell=sh disable=SC1090,SC2034,SC2154
# What check.sh and throughput.sh share: one run of one program, bare or preloaded. Sourced.
#
# Needs WAITPROF_LIBRARY (libwaitprof.so), WAITPROF_COMMAND (waitprof) and, for memcached,
# MEMCACHED_LOAD. Each program_NAME.sh defines:
#   real_missing      prints what is not installed, nothing if all is there
#   real_prepare      makes input or data in $scratch, once
#   real_run          one run with `launch` in front of the program; sets `throughput` (a number, in
#                     real_unit) and `result` (must be the same for every run)
#   real_user         the user that the program runs as at its start
#   real_unit         what throughput is counted in
#   real_on_disk      yes: $scratch must be on a file system with a disk behind it

here=$(dirname "$0")

real_fail() {
    echo "$program: $*" >&2
    exit 1
}

# Sources the program's file, makes the scratch directory, or exits with 77.
real_begin() {
    program=$1
    server_pid=
    real_user=root
    real_on_disk=no
    . "$here/program_$program.sh"
    missing=$(real_missing)
    if [ -n "$missing" ]; then
        echo "skipped: $missing"
        exit 77
    fi
    if [ "$(id -u)" -ne 0 ] && [ "$real_user" != root ]; then
        echo "skipped: root is needed to run $program as $real_user"
        exit 77
    fi
    directory=${TMPDIR:-/tmp}
    if [ "$real_on_disk" = yes ] && is_memory "$directory"; then
        directory=/var/tmp
        if is_memory "$directory"; then
            echo "skipped: neither ${TMPDIR:-/tmp} nor $directory is on a disk"
            exit 77
        fi
    fi
    scratch=$(mktemp -d "$directory/waitprof-real-XXXXXX")
    trap real_end EXIT
    trap 'exit 1' INT TERM
    chmod 755 "$scratch"
    # The build tree may be closed to the user that the program runs as.
    cp "$WAITPROF_LIBRARY" "$scratch/libwaitprof.so"
    chmod 755 "$scratch/libwaitprof.so"
    real_prepare
}

# is_memory DIRECTORY: its file system has no disk to wait for.
is_memory() {
    case $(stat -f -c %T "$1") in
    tmpfs | ramfs) return 0 ;;
    *) return 1 ;;
    esac
}

real_end() {
    if [ -n "$server_pid" ]; then
        kill "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}

# launch PROGRAM...: replaces this shell (start it with &, or in a subshell) by the program.
launch() {
    if [ "$mode" = bare ]; then
        exec "$@"
    fi
    exec env LD_PRELOAD="$scratch/libwaitprof.so" WAITPROF_DIR="$regions" "$@"
}

# real_measure MODE: one run, with a fresh directory for regions.
real_measure() {
    mode=$1
    regions=$scratch/regions.$mode
    rm -rf "$regions"
    mkdir -m 700 "$regions"
    if [ "$real_user" != root ]; then
        chown "$real_user" "$regions"
    fi
    throughput=
    result=
    real_run
    [ -n "$throughput" ] && [ -n "$result" ] || real_fail "the $mode run gave no result"
}

# wait_for DESCRIPTION COMMAND...: up to 20 seconds.
wait_for() {
    description=$1
    shift
    i=0
    until "$@" >/dev/null 2>&1; do
        i=$((i + 1))
        [ $i -lt 200 ] || real_fail "no $description after 20 seconds"
        sleep 0.1
    done
}
