WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0 start hold_lock 0
wait_until waitprof rate "$pid"
waitprof rate --budget 0.5%,2000/s "$pid"
waitprof rate --history "$pid"
waitprof rate --block-rate 1ms --budget '1%, 20/s' "$pid"
