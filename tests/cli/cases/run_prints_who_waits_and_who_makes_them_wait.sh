waitprof run --block-rate 1 --mutex-fraction 1 hold_lock 200
