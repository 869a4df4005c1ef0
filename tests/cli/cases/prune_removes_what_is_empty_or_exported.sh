need_isolation
start hold_lock 0
wait_until has_samples "$pid"
waitprof run -q --keep-region hold_lock 50
LD_PRELOAD=$library hold_lock 100
region_count
waitprof prune --dry-run
region_count
waitprof prune
region_count
waitprof prune --older-than 1h
waitprof prune --older-than 0
region_count
waitprof ls --json | grep state
