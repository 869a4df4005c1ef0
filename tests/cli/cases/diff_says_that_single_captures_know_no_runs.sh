write_capture base.pb.gz block 10 "pthread_mutex_lock;slower=1000/400" "read;same=500/100"
write_capture new.pb.gz block 10 "pthread_mutex_lock;slower=2000/400" "read;same=520/100"
waitprof diff base.pb.gz new.pb.gz
echo --- files that say nothing of noise
write_capture base.pb.gz go 10 "sync.(*Mutex).Lock;main.slower=1000"
write_capture new.pb.gz go 10 "sync.(*Mutex).Lock;main.slower=2000"
waitprof diff base.pb.gz new.pb.gz
