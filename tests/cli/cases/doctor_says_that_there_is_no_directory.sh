need_isolation
touch "/dev/shm/waitprof-$UID" "/tmp/waitprof-$UID"
export WAITPROF_DIR=/nonexistent/regions
status_of waitprof doctor | sed "s/-$UID:/-UID:/"
status_of waitprof run echo 'it ran' 2>&1 | sed "s/-$UID:/-UID:/"
