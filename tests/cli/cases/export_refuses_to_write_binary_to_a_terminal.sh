waitprof run -q --keep-region hold_lock 50
region=$(echo "$WAITPROF_DIR"/*.wpr)
status_of script -qec "waitprof export $region" /dev/null | tr -d '\r'
script -qec "waitprof export --format text $region" /dev/null | head -n 1 | tr -d '\r'
