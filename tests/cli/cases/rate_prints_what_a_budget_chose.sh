# Some 400 waits a second, each kept at these rates: far more than the budget lets be.
WAITPROF_BUDGET=20/s WAITPROF_BLOCK_RATE=1 WAITPROF_MUTEX_FRACTION=1 start hold_lock 0
wait_until waitprof rate "$pid"
has_turns()
{
    waitprof rate --json "$pid" >rates.json
    python3 -c '
import json, sys
sys.exit(len(json.load(open("rates.json"))["history"]) < 3)'
}
wait_until has_turns
waitprof rate --history "$pid" >history.txt
python3 - <<'END'
import json

rates = json.load(open("rates.json"))
last = rates["history"][-1]
assert rates["budget"]["turn"] == last
assert [turn["time_ns"] for turn in rates["history"]] == sorted(
    turn["time_ns"] for turn in rates["history"]
)
assert all(turn["span_ns"] > 0 for turn in rates["history"])
assert last["waits"] > 0 and last["cost_ns"] > 0
print(rates["budget"]["limit"], "coarser" if last["block_rate_ns"] > 1 else "as it was")
lines = open("history.txt").read().splitlines()
heading = next(i for i, line in enumerate(lines) if line.startswith("UNTIL"))
assert len(lines[heading + 1 :]) >= 3, lines
assert max(map(len, lines)) <= 100, lines
print(lines[heading].split())
END
start hold_lock 0
wait_until waitprof rate "$pid"
waitprof rate --history "$pid" | grep -c UNTIL || true
# Where nothing waits it chooses nothing.
WAITPROF_BUDGET=20/s start sleep 60
wait_until waitprof rate "$pid"
waitprof rate --history "$pid" | grep -c UNTIL || true
