start hold_lock 0
wait_until has_samples "$pid"
waitprof record --quiet --seconds 30 --block-rate 1 --mutex-fraction 1 -o span "$pid" &
recorder=$!
started+=("$recorder")
wait_until eval 'waitprof rate "$pid" | grep -x "mutex-fraction  1"'
waitprof rate "$pid" | sed -n 1,2p
sleep 0.3
kill -TERM "$recorder"
wait "$recorder"
waitprof rate "$pid" | sed -n 1,2p
ls
