start hold_lock 0
wait_until waitprof rate "$pid"
status_of waitprof record --keep-bytes 1MiB "$pid"
status_of waitprof record --keep-age 1h "$pid"
status_of waitprof record --every 10ms "$pid"
ls
