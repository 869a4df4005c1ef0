need go golang-go
waitprof run -q --keep-region --events all --labels kind --block-rate 1 --mutex-fraction 1 hold_lock 100
region=$(echo "$WAITPROF_DIR"/*.wpr)
waitprof export -o plain.pb.gz "$region"
waitprof export --labels kind -o labelled.pb.gz "$region"
for profile in plain labelled waitprof.block; do
    echo "$profile:"
    go tool pprof -raw "$profile.pb.gz" 2>/dev/null | grep -oE 'kind:\[.*' | sort -u
done
go tool pprof -tags labelled.pb.gz 2>/dev/null | sed 's/.*: //; /^$/d' | sort
