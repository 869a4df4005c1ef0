start hold_lock 0
wait_until waitprof rate "$pid"
waitprof rate --block-rate 1ms --for 60s "$pid" >/dev/null
waitprof tune --seconds 500ms --budget 100% --apply "$pid" 2>&1 >/dev/null | grep lease
waitprof rate "$pid" | grep -c '^lease' || true
