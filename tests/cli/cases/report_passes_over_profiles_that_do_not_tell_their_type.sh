# Go's block profile is empty by default, and then might be a mutex profile of 0.
mkdir go
write_capture go/block.pb.gz go 10
write_capture go/mutex.pb.gz go 10 'sync.(*Mutex).Unlock;main.work=1000'
waitprof report go
waitprof report --format html go | grep -c '<h2>'
waitprof report --profile block go
# Alone it is of those that wait, most likely.
waitprof report go/block.pb.gz
