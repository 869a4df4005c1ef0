waitprof run --quiet --keep-region hold_lock 50
region=$(echo "$WAITPROF_DIR"/*.wpr)
printf '\377' | dd of="$region" bs=1 seek=8 conv=notrunc status=none
status_of waitprof top "$region"
