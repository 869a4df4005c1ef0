need_isolation
waitprof ls
waitprof ls --json
waitprof ls --quiet
