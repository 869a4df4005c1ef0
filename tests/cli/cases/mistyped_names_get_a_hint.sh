status_of waitprof rnu
status_of waitprof frobnicate
status_of waitprof --verison
status_of waitprof ls --jsno
status_of waitprof run --block-rtae 3 true
status_of waitprof top --profile mutx 1
status_of waitprof ls -x
