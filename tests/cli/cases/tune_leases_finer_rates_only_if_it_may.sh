export WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0
start hold_lock 0
unset WAITPROF_BLOCK_RATE WAITPROF_MUTEX_FRACTION
wait_until waitprof rate "$pid"
waitprof tune --quiet --no-probe --seconds 200ms "$pid" | grep '^nothing is known'
waitprof tune --seconds 500ms "$pid" 2>&1 >/dev/null |
    sed -E 's/block rate [0-9]+[mu]s \(/block rate RATE (/; s/fraction [0-9]+ \(/fraction N (/'
waitprof rate "$pid" | sed -n 1,2p
