start hold_lock 0
wait_until waitprof rate "$pid"
waitprof tune --quiet --seconds 500ms --budget 2000/s -f json "$pid" | python3 -c '
import json, sys
tuned = json.load(sys.stdin)
for table, rate in (("block_rates", "block_rate_ns"), ("mutex_fractions", "mutex_fraction")):
    rows = tuned[table]
    print(*(row[rate] for row in rows))
    costs = [row["sample_cost_ns_per_s"] + row["unlock_cost_ns_per_s"] for row in rows]
    print("costs fall:", costs == sorted(costs, reverse=True))
    errors = [row["error_worst"] for row in rows]
    print("errors rise:", errors == sorted(errors))
chosen = tuned["recommended"]
print("within the budget:", chosen["within_budget"],
      chosen["block_samples_per_s"] + chosen["mutex_samples_per_s"] <= 2000)'
