#!/usr/bin/env bash
# Runs one case of the command's tests and compares what it prints.
#
#   run_case.sh [--refresh] CASE.sh
#
# The case runs by `bash -eu` in a scratch directory of its own, with the `waitprof` under test in
# PATH and its regions inside the scratch directory. Beside CASE.sh stand the expectations:
#   CASE.out, CASE.err    the streams, exactly; without the file the stream must be empty
#   CASE.out.glob, CASE.err.glob   the same, each line a bash pattern; a line "..." stands for any
#                         number of lines
#   CASE.exit             the exit status; without the file 0
# In the streams, WORK, REGIONS, PROGRAMS, PREFIX and LOADER stand for paths of this machine.
# --refresh (or WAITPROF_REFRESH=1 in the environment, for ctest) rewrites the exact ones.
# The case has mount and pid namespaces of its own, where that is allowed (need_isolation).
# A case that cannot run here prints why and exits 77: the test is skipped.
#
# From the build: WAITPROF_BIN (directory of the command), WAITPROF_TEST_PROGRAMS (of the programs
# that cases run).
set -euo pipefail
shopt -s extglob

: "${WAITPROF_BIN:?is set by the build}" "${WAITPROF_TEST_PROGRAMS:?is set by the build}"

# Regions lie in directories that all programs of a user share, and `prune` removes them: a case
# gets directories and processes of its own where the machine allows it.
namespaces=(unshare --mount --pid --fork --kill-child --mount-proc)
if ((EUID != 0)); then
    namespaces+=(--map-root-user)
fi
if [[ -z ${WAITPROF_TEST_ISOLATED:-} ]]; then
    if "${namespaces[@]}" mount -t tmpfs tmpfs /dev/shm 2>/dev/null; then
        WAITPROF_TEST_ISOLATED=1 exec "${namespaces[@]}" "$0" "$@"
    fi
    export WAITPROF_TEST_ISOLATED=0
fi

# keep_visible DIRECTORY OLD_TMP: shows a directory of the old /tmp in the new one.
keep_visible()
{
    if [[ $1/ == /tmp/* ]]; then
        mkdir -p "$1"
        mount --no-canonicalize --bind "$2${1#/tmp}" "$1"
    fi
}

if [[ $WAITPROF_TEST_ISOLATED == 1 ]]; then
    source_tree=$(realpath "$(dirname "$0")/../..")
    build_tree=$(realpath "${WAITPROF_BIN%/*}")
    exec {old_tmp}</tmp
    mount -t tmpfs tmpfs /dev/shm
    mount -t tmpfs tmpfs /tmp
    keep_visible "$source_tree" "/proc/$$/fd/$old_tmp"
    if [[ ! -d $build_tree ]]; then # it may lie in the other
        keep_visible "$build_tree" "/proc/$$/fd/$old_tmp"
    fi
    exec {old_tmp}<&-
    export TMPDIR=/tmp
fi

refresh=${WAITPROF_REFRESH:-0}
if [[ ${1:-} == --refresh ]]; then
    refresh=1
    shift
fi
case_script=$(realpath "$1")
base=${case_script%.sh}
scratch=$(mktemp -d)
# What the case mounted goes with its namespace.
trap 'rm -rf --one-file-system "$scratch" 2>/dev/null || true' EXIT
chmod 755 "$scratch"
mkdir -m 755 "$scratch/work"
mkdir -m 700 "$scratch/regions"

export PATH="$WAITPROF_BIN:$WAITPROF_TEST_PROGRAMS:$PATH"
export WAITPROF_DIR="$scratch/regions" HOME="$scratch" LC_ALL=C TERM=dumb TZ=UTC
CASE_LIBRARY=$(dirname "$(realpath "$0")")/case_library.sh
export CASE_LIBRARY
unset XDG_RUNTIME_DIR NO_COLOR LD_PRELOAD

status=0
(cd "$scratch/work" && bash -eu -c '. "$CASE_LIBRARY"; . "$0"' "$case_script") \
    >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?

if ((status == 77)); then
    cat "$scratch/out" "$scratch/err"
    exit 77
fi

# What differs from machine to machine gets a name.
for stream in out err; do
    sed -E -i -e "s#$scratch/work#WORK#g; s#$scratch/regions#REGIONS#g" \
        -e "s#$WAITPROF_TEST_PROGRAMS#PROGRAMS#g; s#${WAITPROF_BIN%/*}/lib/#PREFIX/lib/#g" \
        -e 's#/lib[^ ]*/ld-linux[^ ;]*#LOADER#g' "$scratch/$stream"
done

failures=0

# matches_glob PATTERNS TEXT: line by line, "..." stands for any number of lines.
# shellcheck disable=SC2053 # the right side is a pattern
matches_glob()
{
    local -a patterns lines
    mapfile -t patterns <"$1"
    mapfile -t lines <"$2"
    local p=0 l=0 star=-1 from=0
    while ((l < ${#lines[@]})); do
        if ((p < ${#patterns[@]})) && [[ ${patterns[p]} == ... ]]; then
            star=$p from=$l
            p=$((p + 1))
        elif ((p < ${#patterns[@]})) && [[ ${lines[l]} == ${patterns[p]} ]]; then
            p=$((p + 1)) l=$((l + 1))
        elif ((star >= 0)); then
            from=$((from + 1))
            p=$((star + 1)) l=$from
        else
            return 1
        fi
    done
    while ((p < ${#patterns[@]})) && [[ ${patterns[p]} == ... ]]; do
        p=$((p + 1))
    done
    ((p == ${#patterns[@]}))
}

check_stream()
{
    local name=$1 got=$scratch/$1 want=$base.$1
    if [[ -f $want.glob ]]; then
        matches_glob "$want.glob" "$got" && return
        echo "std$name does not match $want.glob:"
        diff "$want.glob" "$got" || true
    elif ((refresh)); then
        if [[ -s $got ]]; then cp "$got" "$want"; else rm -f "$want"; fi
        return
    else
        [[ -f $want ]] || want=/dev/null
        diff "$want" "$got" && return
        echo "std$name differs (< expected, > printed)"
    fi
    failures=1
}

check_stream out
check_stream err
if ((refresh)); then
    if ((status)); then echo "$status" >"$base.exit"; else rm -f "$base.exit"; fi
else
    want=0
    [[ -f $base.exit ]] && want=$(<"$base.exit")
    if ((status != want)); then
        echo "exit status $status, expected $want"
        failures=1
    fi
fi
exit "$failures"
