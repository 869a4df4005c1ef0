waitprof run -q -o quiet hold_lock 50
ls
