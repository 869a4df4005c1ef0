waitprof run --block-rate 0 --mutex-fraction 0 hold_lock 50
