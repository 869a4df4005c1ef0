# shellcheck shell=sh disable=SC1090,SC2034,SC2154
# PostgreSQL under pgbench, in a data directory of its own, over a Unix socket.

real_user=postgres
real_unit="transactions/s"

real_missing() {
    binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
    [ -n "$binaries" ] && [ -x "$binaries/initdb" ] && [ -x "$binaries/pgbench" ] ||
        echo "PostgreSQL is not installed (Debian: postgresql)"
    id postgres >/dev/null 2>&1 || echo "there is no user postgres"
}

# In a directory that postgres can enter, and with none of our environment.
as_postgres() {
    (cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
}

query() {
    as_postgres "$binaries/psql" -h "$scratch/data" -d postgres -Atqc "$1"
}

real_prepare() {
    binaries=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
    mkdir -m 700 "$scratch/data"
    chown postgres "$scratch/data"
    as_postgres "$binaries/initdb" -D "$scratch/data" -A trust -N --no-locale -E UTF8 \
        >"$scratch/initdb.log" 2>&1 || {
        cat "$scratch/initdb.log" >&2
        real_fail "initdb failed"
    }
}

real_run() {
    (
        cd /
        if [ "$mode" = bare ]; then
            set --
        else
            set -- env LD_PRELOAD="$scratch/libwaitprof.so" WAITPROF_DIR="$regions"
        fi
        exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@" \
            "$binaries/postgres" -D "$scratch/data" -c listen_addresses= \
            -c unix_socket_directories="$scratch/data" -c fsync=off -c shared_buffers=16MB
    ) >"$scratch/server.log" 2>&1 &
    server_pid=$!
    wait_for "answer of PostgreSQL" query 'select 1'
    # Larger than shared_buffers: pages have to be read.
    as_postgres "$binaries/pgbench" -h "$scratch/data" -i -q -s 3 postgres \
        >"$scratch/pgbench.log" 2>&1 || real_fail "pgbench -i failed"
    as_postgres "$binaries/pgbench" -h "$scratch/data" -c 8 -j 2 -n -T "${REAL_SECONDS:-3}" \
        postgres >"$scratch/pgbench.log" 2>&1 || real_fail "pgbench failed"
    throughput=$(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$scratch/pgbench.log")
    failed=$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$scratch/pgbench.log")
    # The bank's books must balance after concurrent transfers.
    balanced=$(query 'select (select sum(abalance) from pgbench_accounts)
        = (select sum(delta) from pgbench_history) and (select sum(tbalance) from pgbench_tellers)
        = (select sum(bbalance) from pgbench_branches)')
    kill -INT "$server_pid"
    status=0
    wait "$server_pid" || status=$?
    server_pid=
    result="status $status, failed transactions $failed, balanced $balanced"
}
