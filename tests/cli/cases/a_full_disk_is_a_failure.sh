waitprof run -q --keep-region hold_lock 50
region=$(echo "$WAITPROF_DIR"/*.wpr)
status_of waitprof export -o /dev/full "$region"
waitprof export --format text "$region" >/dev/full || echo "status $?"
