write_capture block.pb.gz block 10 "pthread_mutex_lock;f=1000"
write_capture mutex.pb.gz mutex 10 "pthread_mutex_unlock;f=1000"
write_capture endless.pb.gz go 0 "sync.(*Mutex).Unlock;f=1000"
mkdir both none
cp block.pb.gz mutex.pb.gz both
echo text >text.pb.gz
status_of waitprof diff block.pb.gz mutex.pb.gz
status_of waitprof diff both mutex.pb.gz
status_of waitprof diff both both
status_of waitprof diff --profile mutex both block.pb.gz
status_of waitprof diff endless.pb.gz endless.pb.gz
status_of waitprof diff none block.pb.gz
status_of waitprof diff block.pb.gz missing.pb.gz
status_of waitprof diff block.pb.gz text.pb.gz
status_of waitprof diff block.pb.gz
status_of waitprof diff block.pb.gz --
status_of waitprof diff -- block.pb.gz
status_of waitprof diff block.pb.gz block.pb.gz block.pb.gz
status_of waitprof diff --per operation
status_of waitprof diff --per operation 0 block.pb.gz block.pb.gz
status_of waitprof diff --per operation 1e-300 block.pb.gz block.pb.gz
status_of waitprof diff --per hour block.pb.gz block.pb.gz
status_of waitprof diff --kind mutxe block.pb.gz block.pb.gz
status_of waitprof diff --function '(' block.pb.gz block.pb.gz
status_of waitprof diff -o /nonexistent/file block.pb.gz block.pb.gz
status_of script -qec 'waitprof diff --format pprof block.pb.gz block.pb.gz' /dev/null | tr -d '\r'
