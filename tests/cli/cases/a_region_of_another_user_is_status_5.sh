need_users
waitprof run --quiet --keep-region hold_lock 50
cp "$WAITPROF_DIR"/*.wpr region.wpr
chmod 600 region.wpr
status_of as_nobody waitprof top "$PWD/region.wpr"
