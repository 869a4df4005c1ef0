# shellcheck shell=sh disable=SC1090,SC2034,SC2154
# memcached under memcached_load, over the loopback. Sourced by common.sh.

real_unit="requests/s"

real_missing() {
    command -v memcached >/dev/null || echo "memcached is not installed (Debian: memcached)"
    [ -x "${MEMCACHED_LOAD:-}" ] || echo "MEMCACHED_LOAD names no program"
}

real_prepare() {
    # memcached tells the port that it got, after it became nobody.
    mkdir -m 777 "$scratch/port"
}

real_run() {
    rm -f "$scratch/port/"*
    (
        MEMCACHED_PORT_FILENAME=$scratch/port/file
        export MEMCACHED_PORT_FILENAME
        launch memcached -l 127.0.0.1 -p -1 -U 0 -t 4 -m 64 -u nobody
    ) &
    server_pid=$!
    wait_for "port of memcached" grep -q '^TCP INET: ' "$scratch/port/file"
    port=$(sed -n 's/^TCP INET: //p' "$scratch/port/file")
    throughput=$("$MEMCACHED_LOAD" "$port" 8 "${REAL_REQUESTS:-60000}")
    kill -INT "$server_pid"
    status=0
    wait "$server_pid" || status=$?
    server_pid=
    result="status $status"
}
