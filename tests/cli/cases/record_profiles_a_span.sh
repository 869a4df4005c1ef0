start hold_lock 0
wait_until has_samples "$pid"
waitprof record --seconds 500ms -o span "$pid"
ls
