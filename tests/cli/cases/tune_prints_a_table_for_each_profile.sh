start hold_lock 0
wait_until waitprof rate "$pid"
waitprof tune --quiet --seconds 500ms "$pid" | sed "s/$pid/PID/"
