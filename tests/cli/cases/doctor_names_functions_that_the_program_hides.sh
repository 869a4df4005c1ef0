start own_functions
wait_until waitprof functions "$pid"
status_of waitprof doctor "$pid" | sed "s/ $pid:/ PID:/; s#/own_functions\..*#/...#"
waitprof functions "$pid"
