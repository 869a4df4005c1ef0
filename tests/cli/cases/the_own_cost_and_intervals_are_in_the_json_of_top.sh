WAITPROF_BLOCK_RATE=20000000 WAITPROF_MUTEX_FRACTION=1 start hold_lock 0
enough()
{
    (($(samples_of "$pid") > 100))
}
wait_until enough
waitprof top --json --interval 2s "$pid" >top.json
waitprof top --once "$pid" >top.txt
waitprof ls --json >ls.json
python3 - <<'END'
import json

top = json.load(open("top.json"))
for name in "own_cost", "own_cost_in_span":
    cost = top[name]
    assert 0 < cost["of_a_cpu"] < 1, cost
    assert cost["ns_per_wait"] > 0 and cost["total_ns"] > 0, cost
    assert cost["waits"] == cost["waits_looked_at"] > 0, cost
counters = top["counters"]
assert top["own_cost"]["total_ns"] == sum(
    counters[name] for name in ("wait_cost_ns", "sample_cost_ns", "unlock_cost_ns", "condition_cost_ns")
)
block, mutex = top["block"], top["mutex"]
low, high = block["delay_interval_ns"]
assert low < block["delay_ns"] < high
low, high = block["delay_interval_ns_per_second"]
assert low < block["delay_ns_per_second"] < high
# Every waiter was charged for.
assert mutex["delay_interval_ns"] == [mutex["delay_ns"]] * 2
assert all(
    ("delay_interval_ns" in stack) == (stack["samples"] >= 2)
    for stack in block["stacks"] + mutex["stacks"]
)
assert 0 < json.load(open("ls.json"))[0]["own_cost_of_a_cpu"] < 1
END
grep -E '^(Own cost|Rates)' top.txt | sed 's/start: .*/start: .../'
