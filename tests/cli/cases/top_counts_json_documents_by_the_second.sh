start hold_lock 0
wait_until has_samples "$pid"
waitprof top --json --count 2 --profile block "$pid" | python3 -c '
import json, sys
documents = [json.loads(line) for line in sys.stdin]
print(len(documents), ["mutex" in document for document in documents])
for document in documents:
    assert 0.5e9 < document["span_ns"] < 20e9, document["span_ns"]
    # One thread waits, most of the time.
    assert 0 < document["block"]["delay_ns_per_second"] < 2e9
    assert document["waits_per_second"] > 0 and document["samples_per_second"] > 0
    assert any(0 < thread["waited_share"] <= 1 for thread in document["threads"])
assert documents[1]["block"]["delay_ns"] > documents[0]["block"]["delay_ns"]'
# A document less than asked for, once the program has ended.
waitprof top --json --count 100 --interval 1 "$pid" >lines &
viewer=$!
wait_until test -s lines
kill -KILL "$pid"
wait "$viewer"
tail -n 1 lines | python3 -c 'import json, sys; print(json.load(sys.stdin)["state"])'
status_of waitprof top --count 2 "$pid"
