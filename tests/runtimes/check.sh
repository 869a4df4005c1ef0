#!/bin/sh
# check.sh RUNTIME
#
# Runs the program of a runtime bare, preloaded with every event sampled, and preloaded with rates
# 0/0: the same output and exit status each time, no data at rates 0/0, and at rate 1 each wait that
# RUNTIME.waits lists. A line there has a profile, a kind, and functions that one stack must have in
# this order, root first; `#` begins a comment.
#
# Needs WAITPROF_LIBRARY (libwaitprof.so), WAITPROF_COMMAND (waitprof), and for cxx20 CXX20_PROGRAM.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
runtime=$1

fail() {
    echo "$runtime: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# need COMMAND...: skips unless it is installed and runs.
need() {
    "$@" >/dev/null 2>&1 || skip "$1 is not installed"
}

# Makes what run_program needs, or skips.
prepare() {
    case $runtime in
    cxx20)
        [ -x "${CXX20_PROGRAM:-}" ] || skip "no C++20 compiler: there is no CXX20_PROGRAM"
        ;;
    rust_std)
        need rustc --version
        rustc --edition 2021 -C opt-level=1 -C debuginfo=1 \
            -o "$scratch/rust_std" "$here/rust_std.rs" || fail "rustc failed"
        ;;
    cpython)
        need python3 --version
        python=$(python3 -c 'import sys; print(sys.executable)') # behind wrappers in PATH
        ;;
    jvm)
        need java -version
        need javac -version
        javac -d "$scratch" "$here/Jvm.java" || fail "javac failed"
        ;;
    node)
        need node --version
        ;;
    *)
        fail "there is no such runtime here"
        ;;
    esac
}

run_program() {
    case $runtime in
    cxx20) env "$@" "$CXX20_PROGRAM" ;;
    rust_std) env "$@" "$scratch/rust_std" ;;
    cpython) env "$@" "$python" "$here/cpython.py" ;;
    jvm) env "$@" java -cp "$scratch" Jvm ;;
    node) env "$@" node "$here/node.js" ;;
    esac
}

# run NAME VARIABLE...: the program's output and status go to files of that name.
run() {
    name=$1
    shift
    mkdir -m 700 "$scratch/$name.regions"
    status=0
    run_program WAITPROF_DIR="$scratch/$name.regions" "$@" \
        >"$scratch/$name.out" 2>"$scratch/$name.err" || status=$?
    echo "status $status" >>"$scratch/$name.out"
}

must_equal_bare() {
    diff -u "$scratch/bare.out" "$scratch/$1.out" >&2 || {
        cat "$scratch/$1.err" >&2
        fail "the $1 run differs from the bare one"
    }
}

# folded NAME PROFILE: the stacks of a run, root first, the kind last, then the delay. Not those of
# the shells that the program starts.
folded() {
    for region in "$scratch/$1.regions"/*.wpr; do
        case ${region##*/} in
        sh.* | sleep.* | '*'.*) continue ;;
        esac
        "$WAITPROF_COMMAND" export "$region" --profile "$2" --format folded --labels kind ||
            fail "waitprof export --profile $2 failed"
    done
}

check_waits() {
    missing=
    checked=0
    while read -r profile kind functions; do
        case $profile in
        '' | '#'*) continue ;;
        esac
        checked=$((checked + 1))
        # "a b" of kind c: a ... b, then ;[c] and the delay.
        pattern=$(echo "$functions" | sed 's/  */.*;.*/g')
        grep -Eq "$pattern;\[$kind\] [0-9]" "$scratch/$profile.folded" || {
            echo "$runtime: the $profile profile lacks a wait of kind $kind in $functions" >&2
            missing=yes
        }
    done <"$here/$runtime.waits"
    [ "$checked" -gt 0 ] || fail "$runtime.waits lists no waits"
    [ -z "$missing" ] || {
        echo "its stacks (root first, ns):" >&2
        cat "$scratch/block.folded" "$scratch/mutex.folded" >&2
        exit 1
    }
    echo "$runtime: $checked waits found"
}

# Rows by function name the program's own functions, not those of its language.
check_callers() {
    [ "$runtime" = cxx20 ] || return 0
    for region in "$scratch/preloaded.regions"/*cxx20*.wpr; do
        "$WAITPROF_COMMAND" report --by functions --rows 100 "$region" >"$scratch/rows" ||
            fail "waitprof report failed"
    done
    grep -E '<- (std::|__gthread|__glibcxx|__cxa|wait<)' "$scratch/rows" >&2 &&
        fail "a row by function names a function of libstdc++"
    for function in wait_for_condition wait_to_read wait_for_static keep_mutex; do
        grep -q "<- $function" "$scratch/rows" || {
            cat "$scratch/rows" >&2
            fail "no row by function names $function"
        }
    done
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/waitprof-runtime-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
prepare

run bare
grep -q '^status 3$' "$scratch/bare.out" || {
    cat "$scratch/bare.out" "$scratch/bare.err" >&2
    fail "the bare run failed"
}

run off LD_PRELOAD="$WAITPROF_LIBRARY" WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0
must_equal_bare off
for profile in block mutex; do
    folded off $profile >"$scratch/off.folded"
    if [ -s "$scratch/off.folded" ]; then
        cat "$scratch/off.folded" >&2
        fail "at rates 0/0, the $profile profile has stacks"
    fi
done

run preloaded LD_PRELOAD="$WAITPROF_LIBRARY" WAITPROF_BLOCK_RATE=1 WAITPROF_MUTEX_FRACTION=1 \
    WAITPROF_EVENTS=sync,io,net,poll,sleep,process,file,ipc
must_equal_bare preloaded
for profile in block mutex; do
    folded preloaded $profile >"$scratch/$profile.folded"
done
check_waits
check_callers
