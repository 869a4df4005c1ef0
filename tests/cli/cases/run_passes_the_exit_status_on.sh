status_of waitprof run --quiet true
status_of waitprof run --quiet sh -c 'exit 42'
