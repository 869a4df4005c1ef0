need go golang-go
waitprof run -o run --events all --kind sleep --block-rate 1 --mutex-fraction 1 hold_lock 100 2>table
grep -oE '(nanosleep|pthread_mutex_[a-z]*)$|^The mutex profile is empty.*' table | sort -u
start hold_lock 0
wait_until has_samples "$pid"
waitprof record -q --seconds 500ms -o record --kind mutex --labels kind "$pid"
for profile in run.block record.block; do
    echo "$profile:"
    go tool pprof -raw "$profile.pb.gz" 2>/dev/null |
        grep -oE 'filtered: [^;]*|kind:.*| (nanosleep|pthread_mutex_[a-z]*) ' | sort -u
done
