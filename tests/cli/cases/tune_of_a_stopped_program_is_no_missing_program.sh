# Nothing waits while it is stopped: status 0 says what is known, 1 that there was nothing to set.
start hold_lock 0
wait_until has_samples "$pid"
kill -STOP "$pid"
for option in --no-probe --apply; do
    status_of waitprof tune --quiet --seconds 300ms $option "$pid" >table 2>message
    sed "s/\b$pid\b/PID/g" message
    grep -E '^(nothing|to set|they are|it is set|status)' table
done
kill -CONT "$pid"
