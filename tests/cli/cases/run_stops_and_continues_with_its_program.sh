state_of()
{
    sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status"
}
both_are()
{
    [[ $(state_of "$pid") == "$1" && $(state_of "$child") == "$1" ]]
}
waitprof run --quiet -- sleep 30 &
pid=$!
started+=("$pid")
wait_until pgrep -P "$pid" sleep
child=$(pgrep -P "$pid" sleep)
started+=("$child")
kill -TSTP "$pid"
wait_until both_are T
kill -CONT "$pid"
wait_until both_are S
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
echo "status $status"
