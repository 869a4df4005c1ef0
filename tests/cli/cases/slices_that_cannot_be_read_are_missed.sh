write_slice()
{
    write_capture "slices/server.1/20261122T0314$1.000000Z.mutex.pb.gz" mutex "$2" 'unlock;main=1000'
}
mkdir -p slices/server.1
for second in 10 20 30 40; do
    write_slice "$second" 10
done
# The first one, whose length says when all begins.
echo damaged >slices/server.1/20261122T031410.000000Z.mutex.pb.gz
waitprof timeline --utc --profile mutex slices
# No slice begins before 1970, nor after its end.
write_slice 10 10
write_slice 20 4611686019
waitprof timeline --utc --profile mutex slices
write_slice 10 4611686019
waitprof report --utc slices | grep '^Who\|^20'
# All of a type.
rm slices/server.1/*3?.* slices/server.1/*4?.*
status_of waitprof report --utc slices
cp slices/server.1/20261122T031410.000000Z.mutex.pb.gz slices/server.1/20261122T031410.000000Z.block.pb.gz
write_capture slices/server.1/20261122T031420.000000Z.block.pb.gz block 10 'lock;main=1000'
waitprof report --utc slices | grep '^Who\|^20'
