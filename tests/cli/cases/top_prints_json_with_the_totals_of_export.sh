# Of a program that has ended, whose totals stand still.
start hold_lock 0
wait_until has_samples "$pid"
region=$(waitprof ls --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["path"])')
kill -KILL "$pid"
wait_until is_gone "$pid"
waitprof top --json --rows 1 "$region" >first.json
waitprof top --json "$region" >top.json
for profile in block mutex; do
    waitprof export --profile "$profile" --format json -o "$profile.json" "$region"
done
python3 - <<'END'
import json

top = json.load(open("top.json"))
print(top["command"], top["state"], len(top["threads"]))
for profile in "block", "mutex":
    exported = json.load(open(f"{profile}.json"))["stacks"]
    stacks = top[profile]["stacks"]
    delay = sum(sample["delay_ns"] for sample in exported)
    assert delay == sum(stack["delay_ns"] for stack in stacks) == top[profile]["delay_ns"] > 0
    assert len(exported) == len(stacks) == top[profile]["stack_count"]
    kinds = sum(kind[profile]["delay_ns"] for kind in top["kinds"])
    assert kinds == delay, (kinds, delay)
    assert "delay_ns_per_second" not in top[profile]
first = json.load(open("first.json"))
assert [len(first[profile]["stacks"]) for profile in ("block", "mutex")] == [1, 1]
print([frame["function"] for frame in top["block"]["stacks"][0]["frames"]][:2])
END
