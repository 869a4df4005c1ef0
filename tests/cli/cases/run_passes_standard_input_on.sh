seq 1 100000 | waitprof run --quiet -- wc -l
