status_of waitprof
status_of waitprof run
status_of waitprof top
status_of waitprof top 1 2
status_of waitprof ls --json=3
status_of waitprof export --output
status_of waitprof run --block-rate 5parsecs true
status_of waitprof run --block-rate 1h true
status_of waitprof run --mutex-fraction -1 true
status_of waitprof run --mutex-fraction 1000001 true
status_of waitprof run --depth 0 true
status_of waitprof export --format xml 1
status_of waitprof export --profile bogus 1
status_of waitprof run --block-rate '' true
status_of waitprof run --depth $'1\n2' true
status_of waitprof prune --older-than $'x\ty'
status_of waitprof export --format '' 1
status_of waitprof export --profile $'mutex\n' 1
status_of waitprof $'l\ns'
status_of waitprof record --every 1ms 1
status_of waitprof record --every 2d 1
status_of waitprof tune --seconds 0 1
status_of waitprof record --seconds 0 1
status_of waitprof push --spool-bytes 1k --to http://127.0.0.1:1
