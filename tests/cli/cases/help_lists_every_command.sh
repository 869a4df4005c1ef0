waitprof --help
