waitprof run -q --keep-region hold_lock 50
region=$(echo "$WAITPROF_DIR"/*.wpr)
status_of waitprof export -o /dev/full "$region"
waitprof export --format text "$region" >/dev/full || echo "status $?"
# One message, however early it is noticed.
stdbuf -o0 waitprof report "$region" >/dev/full || echo "status $?"
waitprof report --format html "$region" >/dev/full || echo "status $?"
status_of waitprof report --format html -o /dev/full "$region"
