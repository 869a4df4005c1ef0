# Slices end a moment after the full ten seconds. Three threads wait all the time.
mkdir -p slices/server.1
for second in 10 20 30 40; do
    for type in block mutex; do
        write_capture "slices/server.1/20261122T0314$second.000206Z.$type.pb.gz" "$type" 10 \
            'lock;get_row=30000/300'
    done
done
report()
{
    waitprof report --from "2026-11-22 $1" --to "2026-11-22 $2" slices
}
report 03:14:27 03:14:29
# A slice that ends with the first moment, or begins with the last, has no part in it.
report 03:14:10 03:14:30 | grep -v file.c
waitprof report --format html --from '2026-11-22 03:14:27' --to '2026-11-22 03:14:29' slices |
    grep -o '[^>]*during[^<]*\|2026-11-22 03:14:20 to[^<]*'
