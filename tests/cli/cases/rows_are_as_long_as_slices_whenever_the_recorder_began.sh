# The first slice goes on to a whole second of the clock, and so may be the longest.
mkdir -p slices/server.1
seconds=1.45
for second in 10 11 12 13 14 15; do
    write_capture "slices/server.1/20261122T0314$second.000206Z.block.pb.gz" block "$seconds" \
        'lock;get_row=500'
    seconds=1
done
waitprof timeline slices
