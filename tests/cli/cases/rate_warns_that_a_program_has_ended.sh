start hold_lock 0
wait_until waitprof rate "$pid"
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
waitprof rate --mutex-fraction 1 "$pid"
