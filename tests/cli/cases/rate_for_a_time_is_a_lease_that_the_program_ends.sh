start hold_lock 0
wait_until waitprof rate "$pid"
waitprof rate --block-rate 1us --mutex-fraction 1 --for 1.5s "$pid"
waitprof rate --block-rate 5us --for 1h "$pid"
# The second lease counts for the block rate; the first has ended for the fraction.
wait_until eval 'waitprof rate "$pid" | grep -x "mutex-fraction  10"'
waitprof rate "$pid"
# The program itself has noticed, and noted it.
waitprof export --format json "$pid" | python3 -c '
import json, sys
for change in json.load(sys.stdin)["sources"][0]["rate_changes"]:
    print(change["block_rate_ns"], change["mutex_fraction"])'
waitprof rate --block-rate 3ms "$pid"
