# What a budget left out is a field of its own, also where it decides nothing.
for number in 1 2 3; do
    write_capture "base$number.pb.gz" block 10 "read;known=100$number" "[not attributed: budget]=10"
    write_capture "new$number.pb.gz" block 10 "read;known=60$number" "[not attributed: budget]=400"
done
for new in base new; do
    status_of waitprof gate --json base?.pb.gz -- $new?.pb.gz >json
    sed -n '$p' json
    sed '$d' json | python3 -c '
import json, sys
share = json.load(sys.stdin)["share_without_function"]
print(round(share["base"], 2), round(share["new"], 2))'
done
