start hold_lock 0
wait_until has_samples "$pid"
status_of waitprof record -s 1h -o missing/name "$pid"
status_of waitprof record --every 1s -o /proc/nothing "$pid"
