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
