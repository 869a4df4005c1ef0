#!/bin/sh
# faults_environment.sh CASE LIBRARY PROGRAM [ARGUMENT...]
#
# Runs the program bare and preloaded in an environment where something is missing from the start:
# same output, same errors, same status. CASE is one of the functions below; the mount cases use a
# mount namespace of their own and are skipped (status 77) where that is not permitted.
set -eu

case_name=$1

# Both runs, in whatever surroundings the case has made. The prefix is what starts the program.
compare() {
    for mode in bare preloaded; do
        preload=
        [ "$mode" = bare ] || preload=$library
        # Through a pipe: a limit on file sizes must not hit the program's own output.
        {
            status=0
            $prefix env WAITPROF_TEST_MODE="$mode" WAITPROF_BLOCK_RATE=1 \
                WAITPROF_MUTEX_FRACTION=1 LD_PRELOAD="$preload" "$@" 2>&1 || status=$?
            echo "status $status"
        } | cat >"$results/$mode"
    done
    diff -u "$results/bare" "$results/preloaded"
    grep -qx 'status 0' "$results/bare"
    grep -qx 'unharmed' "$results/bare"
}

# Mounts hide /tmp, where all of this may lie: work on copies.
move_to_private_mount() {
    mount -t tmpfs -o mode=755 none /mnt
    cp "$library" /mnt/libwaitprof.so
    cp "$1" /mnt/program
    library=/mnt/libwaitprof.so
    mkdir /mnt/results
    results=/mnt/results
}

nowhere_to_write() {
    mount -o remount,ro,bind /
    mount -t tmpfs -o ro none /dev/shm
    mount -t tmpfs -o ro none /tmp
    export WAITPROF_DIR=/proc/1/nowhere XDG_RUNTIME_DIR=/nonexistent
}

no_space_left() {
    for directory in /dev/shm /tmp; do
        mount -t tmpfs -o "size=$1" none "$directory"
        [ "$2" = empty ] || dd if=/dev/zero of="$directory/filler" bs=4k 2>/dev/null || true
    done
    export WAITPROF_DIR=/tmp
}

library=$2
shift 2
prefix=
case $case_name in
limited-*)
    results=$(mktemp -d "${TMPDIR:-/tmp}/waitprof-faults-XXXXXX")
    trap 'rm -rf "$results"' EXIT
    mkdir -m 700 "$results/regions"
    export WAITPROF_DIR="$results/regions"
    ;;
*)
    if [ "${WAITPROF_TEST_UNSHARED:-}" != yes ]; then
        if ! unshare -m true 2>/dev/null; then
            echo "skipped: a mount namespace is not permitted here"
            exit 77
        fi
        exec env WAITPROF_TEST_UNSHARED=yes unshare -m "$0" "$case_name" "$library" "$@"
    fi
    move_to_private_mount "$1"
    shift
    set -- /mnt/program "$@"
    ;;
esac

case $case_name in
limited-file-size) prefix="prlimit --fsize=0" ;;
limited-file-size-small) prefix="prlimit --fsize=65536" ;;
limited-address-space) prefix="prlimit --as=120000000" ;;
limited-descriptors) prefix="prlimit --nofile=12" ;;
nowhere-to-write) nowhere_to_write ;;
disk-full) no_space_left 64k full ;;
disk-of-64k) no_space_left 64k empty ;;
disk-of-2m) no_space_left 2m empty ;;
*)
    echo "faults_environment.sh: unknown case '$case_name'" >&2
    exit 2
    ;;
esac
compare "$@"
