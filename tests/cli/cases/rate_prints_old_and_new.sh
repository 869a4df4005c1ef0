start hold_lock 0
wait_until waitprof rate "$pid"
waitprof rate "$pid"
waitprof rate --block-rate 1.5ms "$pid"
waitprof rate --block-rate 0 --mutex-fraction 1 "$pid"
waitprof rate --mutex-fraction 1 "$pid"
