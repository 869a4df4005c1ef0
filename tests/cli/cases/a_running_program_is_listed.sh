need_isolation
start hold_lock 0
wait_until has_samples "$pid"
waitprof ls
waitprof ls --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)
print(len(rows), sorted(rows[0]))'
