touch not_executable
status_of waitprof run ./not_there
status_of waitprof run ./not_executable
ls
