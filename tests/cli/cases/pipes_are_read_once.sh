# What was read to see what it is would be missing from it.
write_capture waits.pb.gz block 10 'lock;main=1000'
timeout 20 waitprof report <(cat waits.pb.gz) | sed -n 1p
mkfifo pipe
cat waits.pb.gz >pipe &
timeout 20 waitprof report pipe waits.pb.gz | sed -n 1p
status_of timeout 20 waitprof timeline pipe
mkdir -p slices/server.1
cp waits.pb.gz slices/server.1/20261122T031410.000000Z.block.pb.gz
status_of timeout 20 waitprof report slices pipe
