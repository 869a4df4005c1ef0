waitprof run -q --keep-region --block-rate 1 --mutex-fraction 1 hold_lock 100
region=$(echo "$WAITPROF_DIR"/*.wpr)
waitprof export "$region" | head -c 2 | od -An -tx1
waitprof export --format text --profile mutex "$region" | head -n 1
waitprof export --format folded --profile mutex "$region" | grep -o 'hold_it;pthread_mutex_unlock'
waitprof export --format json "$region" | python3 -c 'import json, sys; print(type(json.load(sys.stdin)))'
waitprof export -o file.pb.gz "$region"
waitprof export -o /nonexistent/file.pb.gz "$region" || echo "status $?"
ls
