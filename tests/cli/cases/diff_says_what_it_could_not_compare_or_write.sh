# Two functions, each of which differs between captures by more than their sum does.
for run in 1 2 3; do
    write_capture "base.$run.pb.gz" mutex 10 \
        "pthread_mutex_unlock;one;main=$((1000 + 40 * run))" \
        "pthread_mutex_unlock;other;main=$((1000 - 39 * run))"
    write_capture "new.$run.pb.gz" mutex 10 \
        "pthread_mutex_unlock;one;main=$((1040 + 40 * run))" \
        "pthread_mutex_unlock;other;main=$((1041 - 39 * run))"
done
waitprof diff base.?.pb.gz -- new.?.pb.gz
echo ---
# Totals that are the same to the last nanosecond say nothing; the rows do.
for run in 1 2 3; do
    write_capture "equal.$run.pb.gz" go 10 "lock;one;main=$((1000 + run))" \
        "lock;other;main=$((1000 - run))"
done
waitprof diff --per operation 10 equal.?.pb.gz -- equal.?.pb.gz
echo ---
waitprof diff --function nobody base.?.pb.gz -- new.?.pb.gz | sed -n 5p
waitprof diff --by stack --kind read base.?.pb.gz -- new.?.pb.gz | sed -n 5p
echo ---
for format in text json html pprof; do
    status_of waitprof diff --format "$format" -o /dev/full base.1.pb.gz new.1.pb.gz
done
waitprof diff --format json base.1.pb.gz new.1.pb.gz >/dev/full || echo "status $?"
