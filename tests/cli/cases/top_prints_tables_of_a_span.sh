start hold_lock 0
wait_until has_samples "$pid"
waitprof top --once --interval 1 --rows 1 "$pid"
