for run in 0 1 2 3 4 5 6 7 8 9; do
    wander=$((run * 7 % 10 * 4))
    write_capture "base.$run.pb.gz" mutex 10 \
        "pthread_mutex_unlock;store_put;main=$((1000 + wander))" \
        "pthread_mutex_unlock;store_get;main=$((500 + wander / 2))"
    write_capture "new.$run.pb.gz" mutex 10 \
        "pthread_mutex_unlock;store_put;main=$((700 + wander))" \
        "pthread_mutex_unlock;store_get;main=$((600 + wander / 2))"
done
status_of waitprof gate base.?.pb.gz -- new.?.pb.gz --per operation 100 --markdown summary.md
cat summary.md
