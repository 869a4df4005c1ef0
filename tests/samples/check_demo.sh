#!/bin/sh
# check_demo.sh DEMO_SERVICE: the demo answers requests, and most of them wait longer than the
# backend's own 4 ms. Bare: this is about the program, not about waitprof.
set -eu

output=$("$1" 1)
echo "$output"
echo "$output" | awk '
    match($0, /^demo_service: [0-9]+ requests\/s, latency p50 [0-9.]+ ms, p99 [0-9.]+ ms, CPU [0-9.]+ % of one core$/) {
        well_formed = ($2 > 0 && $6 > 4 && $9 >= $6)
    }
    END { exit !well_formed }'
