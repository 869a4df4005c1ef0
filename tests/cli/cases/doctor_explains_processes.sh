start hold_lock 0
profiled=$pid
hold_lock 0 &
bare=$!
started+=("$bare")
static_program 30 &
static=$!
started+=("$static")
wait_until waitprof rate "$profiled"
wait_until test "/proc/$bare/exe" -ef "$WAITPROF_TEST_PROGRAMS/hold_lock"
wait_until test "/proc/$static/exe" -ef "$WAITPROF_TEST_PROGRAMS/static_program"
status_of waitprof doctor "$profiled"
status_of waitprof doctor "$bare"
status_of waitprof doctor "$static"
status_of waitprof doctor 99999999
