waitprof run -q --keep-region --block-rate 1 --mutex-fraction 1 hold_lock 100
region=$(echo "$WAITPROF_DIR"/*.wpr)
waitprof functions "$region"
waitprof functions --kind join "$region" | tail -n 1
waitprof functions --kind sem "$region"
waitprof functions --all --kind sem "$region" | awk '{ print $1, $4, $5, $6 }'
# At rate 1 every wait is a sample, and every one is counted with its function.
waitprof functions --json --all "$region" | python3 -c '
import json, subprocess, sys
rows = json.load(sys.stdin)
profile = json.loads(subprocess.check_output(["waitprof", "export", "-f", "json", sys.argv[1]]))
counters = profile["sources"][0]["counters"]
print(sum(row["waits"] for row in rows) == counters["waits"])
print(sum(row["block_samples"] for row in rows) == counters["block_samples"])
print(sum(row["mutex_samples"] for row in rows) == counters["mutex_samples"])
print(all(row["waits"] == row["block_samples"] for row in rows))
print([row["function"] for row in rows if row["hidden"] or row["unbound"]])' "$region"
