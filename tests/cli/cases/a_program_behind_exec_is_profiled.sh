waitprof run -q --keep-region --mutex-fraction 1 -- sh -c 'exec hold_lock 100'
for region in "$WAITPROF_DIR"/hold_lock.*.wpr; do
    waitprof export --profile mutex --format folded "$region" | grep -o 'hold_it;pthread_mutex_unlock'
done
