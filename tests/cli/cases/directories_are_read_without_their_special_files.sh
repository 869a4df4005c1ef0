# Reading a FIFO that nobody writes to would wait for ever.
mkdir base new none
for run in 1 2; do
    write_capture "base/$run.pb.gz" block 10 "pthread_mutex_lock;f=$((1000 + run))"
    ln -s "../base/$run.pb.gz" "new/$run.pb.gz"
done
mkfifo base/z.pb.gz none/z.pb.gz
mkdir new/3.pb.gz
ln -s ../base/z.pb.gz new/4.pb.gz
timeout 20 waitprof diff base -- new | sed -n 2,3p
timeout 20 waitprof gate base -- new | sed -n 1p
status_of timeout 20 waitprof diff none -- new
# Somebody names a FIFO because something is written to it.
mkfifo named
cat base/1.pb.gz >named &
timeout 20 waitprof diff named new/1.pb.gz | sed -n 2,3p
# What cannot be read is no reason to compare less.
ln -s nowhere new/5.pb.gz
status_of timeout 20 waitprof diff base -- new
# Stored slices, and what is noted of them.
mkdir -p slices/server.1
write_capture slices/server.1/20261122T031410.000000Z.mutex.pb.gz mutex 10 'unlock;main=1000'
mkfifo slices/server.1/.recorded
for type in block mutex; do
    mkfifo "slices/server.1/20261122T031400.000000Z.$type.pb.gz"
    ln -s "20261122T031400.000000Z.$type.pb.gz" "slices/server.1/20261122T031420.000000Z.$type.pb.gz"
done
timeout 20 waitprof timeline --utc --profile mutex slices | sed -n 2p
timeout 20 waitprof report --utc slices | grep '^Who\|^20'
