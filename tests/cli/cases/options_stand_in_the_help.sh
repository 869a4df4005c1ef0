waitprof export --help
