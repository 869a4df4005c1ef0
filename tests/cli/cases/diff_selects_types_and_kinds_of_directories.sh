mkdir base new
for run in 1 2; do
    write_capture "base/$run.block.pb.gz" block 10 "pthread_mutex_lock;f=$((1000 + run))" \
        "recv;f=$((700 + run))"
    write_capture "new/$run.block.pb.gz" block 10 "pthread_mutex_lock;f=$((2000 + run))" \
        "recv;f=$((700 - run))"
    write_capture "base/$run.mutex.pb.gz" mutex 10 "pthread_mutex_unlock;f=$((100 + run))"
    write_capture "new/$run.mutex.pb.gz" mutex 10 "pthread_mutex_unlock;f=$((200 + run))"
done
touch base/notes.txt new/.hidden.pb.gz
waitprof diff --profile mutex base new
echo ---
waitprof diff --profile block base -- new --kind lock
echo ---
waitprof diff --profile block base -- new --kind net
