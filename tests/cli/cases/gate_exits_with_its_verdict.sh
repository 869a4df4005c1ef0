# Ten captures a side, of 10 s each, that differ by up to 4 %.
for run in 0 1 2 3 4 5 6 7 8 9; do
    wander=$((run * 7 % 10 * 4))
    write_capture "base.$run.pb.gz" mutex 10 "pthread_mutex_unlock;store_put;main=$((1000 + wander))"
    write_capture "same.$run.pb.gz" mutex 10 "pthread_mutex_unlock;store_put;main=$((1036 - wander))"
    write_capture "worse.$run.pb.gz" mutex 10 "pthread_mutex_unlock;store_put;main=$((1150 + wander))"
done
status_of waitprof gate base.?.pb.gz -- same.?.pb.gz
echo ---
status_of waitprof gate base.?.pb.gz -- worse.?.pb.gz --max-regression 5%
echo ---
status_of waitprof gate base.?.pb.gz -- worse.?.pb.gz --max-regression 20%
echo ---
status_of waitprof gate base.0.pb.gz worse.0.pb.gz
echo ---
status_of waitprof gate base.0.pb.gz base.1.pb.gz -- same.0.pb.gz same.1.pb.gz --max-regression 1%
echo ---
status_of waitprof gate base.?.pb.gz -- same.?.pb.gz --function store_get
echo ---
status_of waitprof gate base.?.pb.gz -- missing.pb.gz
status_of waitprof gate base.?.pb.gz --
status_of waitprof gate base.?.pb.gz -- same.?.pb.gz --max-regression much
