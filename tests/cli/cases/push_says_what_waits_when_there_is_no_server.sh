start hold_lock 0
wait_until has_samples "$pid"
# Nobody listens at the first port.
status_of waitprof push --to http://127.0.0.1:1 --spool spool --once --every 300ms --timeout 300ms \
    --retry-min 10ms "$pid"
find spool -name '*.profile' | wc -l
