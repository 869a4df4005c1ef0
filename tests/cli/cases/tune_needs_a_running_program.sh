waitprof run -q --keep-region hold_lock 50
status_of waitprof tune "$(echo "$WAITPROF_DIR"/*.wpr)"
status_of waitprof tune --error 0% 1
status_of waitprof tune --error much 1
