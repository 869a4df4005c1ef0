# shellcheck shell=sh disable=SC1090,SC2034,SC2154
# Redis that syncs its append-only file after each command, under redis-benchmark, over a Unix
# socket. Sourced by common.sh.

real_unit="requests/s"
real_on_disk=yes

real_missing() {
    command -v redis-server >/dev/null || echo "Redis is not installed (Debian: redis-server)"
    command -v redis-benchmark >/dev/null && command -v redis-cli >/dev/null ||
        echo "redis-benchmark is not installed (Debian: redis-tools)"
}

real_prepare() {
    : # nothing
}

redis_query() {
    redis-cli -s "$scratch/socket" "$@"
}

real_run() {
    rm -rf "$scratch/data"
    mkdir "$scratch/data"
    (
        launch redis-server --port 0 --unixsocket "$scratch/socket" --dir "$scratch/data" \
            --save '' --appendonly yes --appendfsync always --daemonize no
    ) >"$scratch/server.log" 2>&1 &
    server_pid=$!
    wait_for "answer of Redis" redis_query ping
    # All clients write alike: the file is the same, whoever comes first.
    redis-benchmark -s "$scratch/socket" -t set,incr,lpush -n "${REAL_COMMANDS:-1000}" -c 8 --csv \
        >"$scratch/benchmark.csv" 2>"$scratch/benchmark.log" || {
        cat "$scratch/benchmark.log" >&2
        real_fail "redis-benchmark failed"
    }
    throughput=$(sed 's/"//g' "$scratch/benchmark.csv" | awk -F, '
        $2 + 0 > 0 { tests++; seconds += 1 / $2 }
        END { if (tests == 3) printf "%d\n", tests / seconds }')
    values="counter $(redis_query get counter:__rand_int__), list $(redis_query llen mylist)"
    kill -INT "$server_pid"
    status=0
    wait "$server_pid" || status=$?
    server_pid=
    file=$(cat "$scratch"/data/appendonlydir/*.incr.aof | sha256sum)
    result="status $status, $values, file $file"
}
