start hold_lock 0
wait_until waitprof rate "$pid"
waitprof rate --budget 0.5% "$pid"
waitprof rate --budget 2000/s --block-rate 1ms "$pid"
waitprof rate "$pid"
waitprof rate --json "$pid" | python3 -c '
import json, sys
rates = json.load(sys.stdin)
print(rates["budget"]["limit"], rates["budget"]["samples_per_second"], rates["wait_fraction"])'
waitprof rate --budget off "$pid"
waitprof rate --json "$pid" | python3 -c 'import json, sys; print(json.load(sys.stdin)["budget"])'
