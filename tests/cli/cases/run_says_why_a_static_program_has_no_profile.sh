status_of waitprof run static_program
ls
