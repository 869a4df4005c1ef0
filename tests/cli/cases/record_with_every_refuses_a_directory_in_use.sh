start hold_lock 0
wait_until has_samples "$pid"
waitprof record -q --every 200ms -o slices "$pid" &
recorder=$!
wait_until eval 'ls slices/*/*.block.pb.gz'
status_of waitprof record --every 200ms -o slices "$pid"
kill -TERM "$recorder"
status_of wait "$recorder"
# Free again, and with a time that ends by itself.
status_of waitprof record -q --every 200ms --seconds 500ms -o slices "$pid"
