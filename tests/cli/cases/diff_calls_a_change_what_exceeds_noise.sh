# Three captures a side, of 10 s each: `same` and the total wander by as much as the captures do.
for run in 1 2 3; do
    write_capture "base.$run.pb.gz" mutex 10 \
        "pthread_mutex_unlock;slower;main=$((1000 + run))" \
        "pthread_mutex_unlock;faster;main=$((800 + run))" \
        "pthread_mutex_unlock;same;main=$((400 + 50 * run))" \
        "pthread_mutex_unlock;gone;main=$((300 + run))"
    write_capture "new.$run.pb.gz" mutex 10 \
        "pthread_mutex_unlock;slower;main=$((1500 + run))" \
        "pthread_mutex_unlock;faster;main=$((400 + run))" \
        "pthread_mutex_unlock;same;main=$((560 - 50 * run))" \
        "pthread_mutex_unlock;appeared;caller;main=$((200 + run))"
done
waitprof diff base.?.pb.gz -- new.?.pb.gz
echo ---
waitprof diff base.?.pb.gz -- new.?.pb.gz --by stack --rows 1
echo ---
waitprof diff --function 'slow|^caller$' --per operation 100,200 base.?.pb.gz -- new.?.pb.gz
