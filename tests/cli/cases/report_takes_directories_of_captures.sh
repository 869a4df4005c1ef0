mkdir runs nothing
write_capture runs/1.block.pb.gz block 10 'lock;a;b;c;d;e;f;g;h;i=100/10' 'read;main=50/10'
write_capture runs/2.block.pb.gz block 10 'lock;a;b;c;d;e;f;g;h;i=100/10' 'read;main=50/10'
write_capture runs/1.mutex.pb.gz mutex 10 'unlock;a;main=80/10'
waitprof report runs
# Of a function there is no stack to show, and so nothing more of it.
waitprof report --by functions --profile block runs
waitprof report --by functions runs/1.block.pb.gz | tail -n +3
status_of waitprof report --from 03:10 runs
status_of waitprof timeline nothing
