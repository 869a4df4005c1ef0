# A function of which BASE kept one sample, one of which both sides did, and what a budget left out.
write_capture base.pb.gz block 10 "read;known=1000/400" "poll;rare=500/1" "recv;few=80/1"
write_capture new.pb.gz block 10 "read;known=2000/400" "poll;rare=520/100" "recv;few=90/1" \
    "[not attributed: budget]=1500/90"
waitprof diff base.pb.gz new.pb.gz
echo --- narrow, wide
for columns in 139 140; do
    script -qec "stty cols $columns; waitprof diff base.pb.gz new.pb.gz" /dev/null | tr -d '\r' |
        sed -n '/BASE  *\(95\|NEW\)/p'
done
echo --- json
waitprof diff --format json base.pb.gz new.pb.gz | python3 -c '
import json, sys

diff = json.load(sys.stdin)
for row in diff["rows"]:
    print(row["function"], row["basis"], row["p"] is None,
          *((row[side]["samples"], row[side]["delay_interval_ns"] is None)
            for side in ("base", "new")))
print(diff["share_without_function"]["base"], round(diff["share_without_function"]["new"], 3))'
echo --- html
waitprof diff --format html base.pb.gz new.pb.gz >diff.html
grep -oE '>95 %<|>Samples<|>±[^<]*<|>[^<>]* \.\. [^<]*<|>[^<]*has no function[^<]*<' diff.html
echo --- copies
for side in base new; do
    cp $side.pb.gz $side.copy.pb.gz
done
waitprof diff base*.pb.gz -- new*.pb.gz | sed -n '4,7p'
echo --- samples of all are few
waitprof diff --function few base.pb.gz new.pb.gz | sed -n '5,6p'
echo --- without a function
write_capture none.pb.gz block 10 "[not attributed: budget]=1500/90"
write_capture more.pb.gz block 10 "[not attributed: budget]=5000/90"
waitprof diff none.pb.gz more.pb.gz | sed -n '7p'
for side in base new; do
    budget=$([[ $side == new ]] && echo 1500 || echo 300)
    write_capture $side.pb.gz block 10 "read;known=200000/90" "[not attributed: budget]=$budget/90"
done
waitprof diff base.pb.gz new.pb.gz | sed -n '5p'
waitprof diff --format json base.pb.gz new.pb.gz | python3 -c '
import json, sys

for row in json.load(sys.stdin)["rows"]:
    print(row["function"], row["change"], row["has_function"])'
