need_isolation
start hold_lock 0
wait_until has_samples "$pid"
kill -9 "$pid"
wait_until is_gone "$pid"
waitprof ls --json | grep state
waitprof run -q --keep-region hold_lock 50
waitprof ls --json | grep state
