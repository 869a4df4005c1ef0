# One ends in the midst of the measurement, another becomes a third by exec. Both have waited.
mkfifo fifo
while sleep 0.005; do echo; done >fifo &
started+=("$!")
disown "$!"
become_another()
{
    start bash -c 'end=$((SECONDS + 3)); while ((SECONDS < end)); do read -r; done; exec sleep 60' \
        <fifo
}
tune()
{
    wait_until has_samples "$pid"
    region=$(echo "$WAITPROF_DIR"/*."$pid".*.wpr)
    status_of waitprof tune --quiet --no-probe --seconds 60s --budget 100% --apply "$pid" >table 2>message
    sed "s/\b$pid\b/PID/g" message
    grep -cE '^(to set|they are set|it is set)' table || true
    grep '^status' table
    waitprof rate "$region" 2>/dev/null
}
start hold_lock 2500
tune
echo ---
become_another
tune
echo --- the other
wait_until waitprof rate "$pid"
waitprof rate "$pid"
