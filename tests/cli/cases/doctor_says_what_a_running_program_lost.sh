need_isolation
start hold_lock 0
wait_until has_samples "$pid"
kill -STOP "$pid"
mark_losses "$WAITPROF_DIR"/*.wpr
status_of waitprof doctor "$pid" | sed "s/ $pid:/ PID:/; s#/hold_lock\..*#/...#
    s/^\(ok\|warn\)  *PID: recording has cost it .* ns a wait.*/PID: recording has cost it .../"
waitprof ls | awk '{ print $(NF - 1), $NF }'
