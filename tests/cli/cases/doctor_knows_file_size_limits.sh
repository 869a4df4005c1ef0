(ulimit -f 64; status_of waitprof doctor)
