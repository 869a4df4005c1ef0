# shellcheck shell=sh disable=SC1090,SC2034,SC2154
# pigz on a generated file. Sourced by common.sh.

real_unit="KB/s"

real_missing() {
    command -v pigz >/dev/null || echo "pigz is not installed (Debian: pigz)"
}

real_prepare() {
    seq 1 "${REAL_LINES:-4000000}" >"$scratch/input"
    kilobytes=$(($(wc -c <"$scratch/input") / 1000))
}

real_run() {
    start_ms=$(date +%s%3N)
    status=0
    (launch pigz -p 4 -c "$scratch/input" >"$scratch/output.gz") || status=$?
    throughput=$((kilobytes * 1000 / ($(date +%s%3N) - start_ms)))
    gzip -dc "$scratch/output.gz" | cmp - "$scratch/input" || real_fail "the output is damaged"
    result="status $status, $(sha256sum <"$scratch/output.gz")"
}
