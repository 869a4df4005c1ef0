mkdir empty
echo text >note.txt
status_of waitprof timeline empty
status_of waitprof report empty
status_of waitprof timeline nothing
status_of waitprof report nothing
status_of waitprof timeline note.txt
status_of waitprof report note.txt
waitprof run -q -o span -- hold_lock 50
status_of waitprof report --from 03:10 span.block.pb.gz
status_of waitprof timeline --from 3:10 span.block.pb.gz
status_of waitprof timeline --to 1999-01-01 span.block.pb.gz
status_of waitprof report --function '(' span.block.pb.gz
status_of waitprof report --kind mutez span.block.pb.gz
write_capture lock.pb.gz mutex 1 'unlock;main=1'
status_of waitprof timeline lock.pb.gz
mkdir -p slices/server.1
write_capture slices/server.1/20261122T031410.000000Z.block.pb.gz block 1 'lock;main=1'
status_of waitprof timeline --profile mutex slices
status_of waitprof report --profile mutex slices
status_of waitprof timeline --to 1999-01-01 slices
status_of waitprof timeline --from 2026-11-23 --to 2026-11-24 slices
status_of waitprof timeline --from 1999-01-01 --to 1999-01-02 slices
status_of waitprof timeline --from 1999-01-02 --to 1999-01-01 slices
status_of waitprof report --from 2026-11-23 slices
