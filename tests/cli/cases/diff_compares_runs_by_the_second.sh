# Files of `waitprof run` have no duration, as Go's have none: how long the program ran is in them.
for run in 1 2 3; do
    waitprof run -q --block-rate 1 --mutex-fraction 1 -o "base.$run" hold_lock 300
    waitprof run -q --block-rate 1 --mutex-fraction 1 -o "new.$run" hold_lock 600
done
waitprof diff --format json base.?.mutex.pb.gz -- new.?.mutex.pb.gz | python3 -c '
import json, sys

diff = json.load(sys.stdin)
spans = {side: [capture["span_ns"] / 1e9 for capture in diff["captures"][side]]
         for side in ("base", "new")}
assert all(0.25 <= span < 0.55 for span in spans["base"]), spans
assert all(0.55 <= span < 5 for span in spans["new"]), spans
row = diff["rows"][0]
# The one waits nearly all the time for the other: some tenths of a second in each second.
assert all(1e8 < delay < 1e9 for side in ("base", "new") for delay in row[side]["delays_ns"]), row
print(diff["basis"], row["function"], row["leaf"])'
