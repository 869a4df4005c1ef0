start hold_lock 0
wait_until has_samples "$pid"
(sleep 0.5; kill -9 "$pid") &
waitprof record --seconds 30 -o span "$pid"
ls
