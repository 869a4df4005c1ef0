# shellcheck shell=bash
# What cases have in common; run_case.sh reads it before the case.

# Processes that a case starts in the background end with it.
started=()
trap 'for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done' EXIT

# skip REASON...: this machine cannot run the case.
skip()
{
    echo "skipped: $*"
    exit 77
}

# need PROGRAM PACKAGE
need()
{
    command -v "$1" >/dev/null || skip "$1 is missing; it is in the package $2"
}

# need_isolation: the case would touch regions or processes of others.
need_isolation()
{
    [[ $WAITPROF_TEST_ISOLATED == 1 ]] || skip "no mount and pid namespaces here"
}

# need_users: the case runs commands as another user.
need_users()
{
    as_nobody true 2>/dev/null || skip "cannot change the user here"
}

# as_nobody COMMAND...
as_nobody()
{
    setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
}

# status_of COMMAND...: prints its exit status, lets its output through.
status_of()
{
    local status=0
    "$@" || status=$?
    echo "status $status"
}

# wait_until COMMAND...: until it succeeds, for some 20 seconds.
wait_until()
{
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.05
    done
    echo "never came true: $*"
    return 1
}

library=${WAITPROF_BIN%/*}/lib/libwaitprof.so

# start PROGRAM...: profiled in the background, without `waitprof run`; its pid is in $pid.
start()
{
    LD_PRELOAD=$library "$@" &
    pid=$!
    started+=("$pid")
    disown "$pid" # no word from the shell when it is killed
}

# region_count: how many regions there are.
region_count()
{
    find "$WAITPROF_DIR" -name '*.wpr' | wc -l
}

# samples_of PID
samples_of()
{
    waitprof ls --json | python3 -c '
import json, sys
print(sum(row["samples"] for row in json.load(sys.stdin) if row["pid"] == int(sys.argv[1])))' "$1"
}

is_gone()
{
    ! kill -0 "$1" 2>/dev/null
}

has_samples()
{
    (($(samples_of "$1") > 0))
}

# write_capture FILE TYPE SECONDS STACK=DELAY_MS[/SAMPLES]...: a capture with figures of the case's
# choice (write_capture.py).
write_capture()
{
    python3 "${CASE_LIBRARY%/*}/write_capture.py" "$@"
}
