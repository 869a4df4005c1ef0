waitprof run true
ls
