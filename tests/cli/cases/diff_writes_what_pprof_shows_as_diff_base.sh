need go golang-go
write_capture base.pb.gz mutex 10 "pthread_mutex_unlock;slower;main=1000" \
    "pthread_mutex_unlock;faster;main=700" "pthread_rwlock_unlock;gone;main=200"
write_capture new.pb.gz mutex 10 "pthread_mutex_unlock;slower;main=1500" \
    "pthread_mutex_unlock;faster;main=400" "pthread_cond_wait;appeared;main=300"
waitprof diff --format pprof base.pb.gz new.pb.gz >diff.pb.gz
for sample in delay contentions; do
    go tool pprof -top -sample_index=$sample -diff_base base.pb.gz new.pb.gz 2>&1 |
        sed '1,/^Showing/d' | sort >expected
    go tool pprof -top -sample_index=$sample diff.pb.gz 2>&1 | sed '1,/^Showing/d' | sort >shown
    cat shown
    diff expected shown
done
go tool pprof -tags diff.pb.gz 2>&1 | sed -n 's/^ *change:.*/change/p; s/^ *pprof::base:.*/pprof::base/p'
status_of waitprof diff diff.pb.gz diff.pb.gz
