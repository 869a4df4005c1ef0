# Waits at a pipe: no lock has a holder, and the mutex profile is off.
export WAITPROF_MUTEX_FRACTION=0
mkfifo fifo
while sleep 0.001; do echo; done >fifo &
started+=("$!")
disown "$!"
start cat fifo >/dev/null
unset WAITPROF_MUTEX_FRACTION
wait_until waitprof rate "$pid"
tune()
{
    waitprof tune --quiet --seconds 300ms --budget 100% "$@" "$pid"
}
tune >table
sed -nE "s/ $pid\$/ PID/; s/[0-9]+[mu]s/RATE/; /^(  --|nothing|to set)/p" table
tune --apply >table
sed -nE "s/ $pid\$/ PID/; /^it is set/p" table
tune -f json | python3 -c '
import json, sys
chosen = json.load(sys.stdin)["recommended"]
print("block_rate_ns" in chosen, "mutex_fraction" in chosen)'
waitprof rate "$pid" | sed -n 2p
