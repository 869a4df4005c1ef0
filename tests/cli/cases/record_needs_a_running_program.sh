waitprof run -q --keep-region hold_lock 50
status_of waitprof record "$(echo "$WAITPROF_DIR"/*.wpr)"
