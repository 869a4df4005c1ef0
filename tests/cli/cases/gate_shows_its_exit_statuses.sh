waitprof gate --help | sed '1,/^Exit status:/d'
