waitprof run --quiet -- tell_signals "$PWD/ready" &
pid=$!
started+=("$pid")
wait_until test -e ready
for signal in INT QUIT HUP USR1 USR2 WINCH CONT; do
    kill "-$signal" "$pid"
    sleep 0.1
done
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
echo "status $status"
