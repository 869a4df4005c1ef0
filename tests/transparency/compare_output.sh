#!/bin/sh
# compare_output.sh LIBRARY PROGRAM [ARGUMENT...]
#
# Runs the program bare and preloaded, both with the same environment but for LD_PRELOAD's value,
# and fails on any difference of standard output, standard error or exit status.
set -eu

library=$1
shift

scratch=$(mktemp -d "${TMPDIR:-/tmp}/waitprof-compare-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -m 700 "$scratch/regions"
export WAITPROF_DIR="$scratch/regions" WAITPROF_BLOCK_RATE=1 WAITPROF_MUTEX_FRACTION=1

# run NAME VALUE-OF-LD_PRELOAD PROGRAM...
run() {
    name=$1
    preload=$2
    shift 2
    status=0
    env LD_PRELOAD="$preload" "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" || status=$?
    echo "status $status" >>"$scratch/$name.out"
    sed -i "s|^environment LD_PRELOAD=$preload\$|environment LD_PRELOAD=as given|" \
        "$scratch/$name.out"
}

WAITPROF_TEST_MODE=bare
export WAITPROF_TEST_MODE
run bare '' "$@"
grep -q 'LD_PRELOAD=as given' "$scratch/bare.out"
# The program checks the mode before main; afterwards both outputs must show the same environment.
WAITPROF_TEST_MODE=preloaded
run preloaded "$library" "$@"
sed -i 's/^environment WAITPROF_TEST_MODE=.*/environment WAITPROF_TEST_MODE=/' "$scratch"/*.out
diff -u "$scratch/bare.out" "$scratch/preloaded.out"
diff -u "$scratch/bare.err" "$scratch/preloaded.err"
if ! grep -q '^environment PATH=' "$scratch/bare.out"; then
    echo "compare_output.sh: the program did not print its environment" >&2
    exit 1
fi
