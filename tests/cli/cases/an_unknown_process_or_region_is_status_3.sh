status_of waitprof top 99999999
status_of waitprof rate 0123456789abcdef
status_of waitprof export ./nothing.wpr
status_of waitprof record $$
status_of waitprof top ''
