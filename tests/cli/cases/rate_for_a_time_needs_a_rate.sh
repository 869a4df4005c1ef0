start hold_lock 0
wait_until waitprof rate "$pid"
status_of waitprof rate --for 5s "$pid"
