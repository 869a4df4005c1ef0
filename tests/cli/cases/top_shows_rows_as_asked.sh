start hold_lock 0
wait_until has_samples "$pid"
waitprof top -n 1 --profile mutex --by functions "$pid"
