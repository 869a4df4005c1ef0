start hold_lock 0
wait_until waitprof rate "$pid"
for goal in '--budget 0.0001%' '--budget 20/s --error 0.01%'; do
    # shellcheck disable=SC2086
    status_of waitprof tune --quiet --seconds 300ms $goal --apply "$pid" >table 2>message
    sed -E "s/\b$pid\b/PID/g" message
    grep -cE '^(to set them|they are set)' table
    grep '^status' table
done
waitprof rate "$pid" | sed -n 1,2p
