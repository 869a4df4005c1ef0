for run in 1 2 3; do
    write_capture "base.$run.pb.gz" block 10 "read;f;main=$((1000 + run))" "poll;gone=$((100 + run))"
    write_capture "new.$run.pb.gz" block 10 "read;f;main=$((1500 + run))" "poll;new=$((60 + run))"
done
waitprof diff --format json base.?.pb.gz -- new.?.pb.gz >diff.json
python3 - <<'END'
import json

diff = json.load(open("diff.json"))
print(diff["profile"], diff["per"], diff["by"], diff["basis"], diff["changes"], diff["row_count"])
print([capture["span_ns"] for capture in diff["captures"]["base"]])
for row in [diff["total"]] + diff["rows"]:
    low, high = row["difference_interval_ns"]
    assert low < row["difference_ns"] < high, row
    ratio = row["ratio"] and round(row["ratio"], 3)
    print(row.get("function", "total"), row["change"], row["base"]["delays_ns"],
          row["new"]["delays_ns"], ratio, [frame["function"] for frame in row.get("frames", [])])
END
waitprof diff --format json --rows 1 base.?.pb.gz -- new.?.pb.gz |
    python3 -c 'import json, sys; print(len(json.load(sys.stdin)["rows"]))'
