#!/usr/bin/env bash
# A program in pid and mount namespaces of its own, and beside it, in others, `waitprof`: the same
# unprivileged user, and nothing shared but a directory. So it is with the containers of a pod.
#
#   sidecar.sh CASE
set -euo pipefail

: "${WAITPROF_COMMAND:?is set by the build}" "${WAITPROF_LIBRARY:?is set by the build}"
: "${HOLD_LOCK:?is set by the build}"

scratch=$(mktemp -d)
inits=()

# A namespace ends with its first process.
stop()
{
    local init
    for init in $(pgrep -P "$1"); do
        kill -KILL "$init" 2>/dev/null || true
    done
    wait "$1" 2>/dev/null || true
}

clean_up()
{
    local unshare
    for unshare in "${inits[@]}"; do
        stop "$unshare"
    done
    rm -rf "$scratch"
}
trap clean_up EXIT

fail()
{
    echo "$*"
    exit 1
}

# Polls a command until it succeeds.
await()
{
    local i
    for ((i = 0; i < 200; i++)); do
        if "$@"; then
            return 0
        fi
        sleep 0.1
    done
    fail "waited in vain for: $*"
}

container=(unshare --mount --pid --fork --mount-proc)
if ((EUID == 0)); then
    container+=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all
        --no-new-privs)
else
    container=("${container[0]}" --map-root-user "${container[@]:1}")
fi
container+=(env -i "PATH=$PATH" "WAITPROF_DIR=$scratch/shared/regions" "HOME=/nonexistent")
if ! "${container[@]}" true 2>"$scratch/reason"; then
    echo "skipped: this machine allows no namespaces: $(<"$scratch/reason")"
    exit 77
fi
for tool in curl pgrep; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done

# The user need not be able to enter the build's directory.
chmod 755 "$scratch"
cp "$WAITPROF_COMMAND" "$WAITPROF_LIBRARY" "$HOLD_LOCK" "$scratch"
waitprof=$scratch/${WAITPROF_COMMAND##*/}
mkdir -m 1777 "$scratch/shared" # as that of an emptyDir volume
chmod 1777 "$scratch/shared"

start_program()
{
    "${container[@]}" "LD_PRELOAD=$scratch/${WAITPROF_LIBRARY##*/}" WAITPROF_MUTEX_FRACTION=1 \
        "$scratch/${HOLD_LOCK##*/}" 0 "$scratch/shared/waited" &
    inits+=($!)
    program=$!
    await test -e "$scratch/shared/waited"
    region=$(echo "$scratch"/shared/regions/*.wpr)
}

# True if the sidecar sees the program among its processes, which would make all this pointless.
sidecar_sees_program()
{
    "${container[@]}" bash -c 'cat /proc/[0-9]*/comm' | grep -qx hold_lock
}

ask()
{
    curl --silent --fail --max-time 20 --unix-socket "$scratch/shared/socket" "http://localhost$1"
}

start_server()
{
    "${container[@]}" "$waitprof" serve --all --listen "unix:$scratch/shared/socket" --grace 1 &
    inits+=($!)
    await ask /healthz >/dev/null
}

lists_programs()
{
    [[ $(ask /sd | grep -c '"service_name"') == "$1" ]]
}

has_state()
{
    "${container[@]}" "$waitprof" ls >"$scratch/ls"
    grep -q "  *$1  *.*hold_lock\$" "$scratch/ls"
}

a_sidecar_serves_a_program_that_it_cannot_see()
{
    local prefix
    start_server
    lists_programs 0 || fail "it lists what does not run: $(ask /sd)"
    start_program
    ! sidecar_sees_program || fail "the sidecar sees the program: nothing is tested"
    await lists_programs 1
    ask '/debug/pprof/block?debug=1' >"$scratch/block"
    grep -q 'want_it' "$scratch/block" || fail "no waiter: $(cat "$scratch/block")"
    ask '/debug/pprof/mutex?debug=1' >"$scratch/mutex"
    grep -q 'hold_it' "$scratch/mutex" || fail "no holder: $(cat "$scratch/mutex")"
    # Where the list sends a scraper, there are its profiles.
    prefix=$(ask /sd | sed -n 's/.*"__profile_path_prefix__":"\([^"]*\)".*/\1/p')
    ask "$prefix/debug/pprof/mutex?seconds=1" >"$scratch/delta" || fail "no profile at $prefix"
    [[ $(od -An -tx1 -N2 "$scratch/delta") == " 1f 8b" ]] || fail "not a profile"
}

a_sidecar_records_and_changes_rates_of_a_program_that_it_cannot_see()
{
    start_program
    ! sidecar_sees_program || fail "the sidecar sees the program: nothing is tested"
    has_state running || fail "not listed as running: $(cat "$scratch/ls")"
    "${container[@]}" "$waitprof" record "$region" --seconds 0.3 --block-rate 1 \
        -o "$scratch/shared/now" || fail "it cannot be recorded"
    [[ -s $scratch/shared/now.block.pb.gz && -s $scratch/shared/now.mutex.pb.gz ]] ||
        fail "no profiles: $(ls "$scratch/shared")"
    "${container[@]}" "$waitprof" rate "$region" --block-rate 77us >"$scratch/rates"
    grep -q -- '-> 77us' "$scratch/rates" || fail "no new rate: $(cat "$scratch/rates")"
    # It may name regions of others, which lie in the directories that all share: dry, and by id.
    local id=${region%.wpr}
    "${container[@]}" "$waitprof" prune --dry-run --older-than 0 >"$scratch/pruned"
    if grep -q "${id##*.}" "$scratch/pruned"; then
        fail "prune would take what is in use: $(cat "$scratch/pruned")"
    fi
}

a_sidecar_notices_the_end_of_a_program_that_it_cannot_see()
{
    start_server
    start_program
    await lists_programs 1
    stop "$program"
    await lists_programs 0
    has_state dead || fail "not listed as dead: $(cat "$scratch/ls")"
    if "${container[@]}" "$waitprof" record "$region" --seconds 0.1 -o "$scratch/shared/now" \
        2>"$scratch/refusal"; then
        fail "what has ended can be recorded"
    fi
    grep -q 'the program has ended' "$scratch/refusal" || fail "says: $(cat "$scratch/refusal")"
    "${container[@]}" "$waitprof" export "$region" --output "$scratch/shared/left" ||
        fail "its data cannot be exported"
    "${container[@]}" "$waitprof" prune >"$scratch/pruned"
    [[ ! -e $region ]] || fail "prune left it: $(cat "$scratch/pruned")"
}

"$1"
