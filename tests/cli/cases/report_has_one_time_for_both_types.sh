# Contention at first, waits till the end: nothing is noted of times without a profile.
mkdir -p slices/server.1
for minute in 15 16 17 18 19 20; do
    for type in block mutex; do
        if [[ $type == block || $minute -lt 17 ]]; then
            write_capture "slices/server.1/20261122T10${minute}00.000000Z.$type.pb.gz" "$type" 60 \
                "$type;get_row=100/10"
        fi
    done
done
report()
{
    waitprof report --utc "$@" slices | grep '^Who\|^20'
}
report --from -3m
echo ---
report --from 10:18 --to 10:19
report --to -4m
# A time that one type alone does not reach is none that nothing is stored of.
waitprof report --utc --profile mutex --from 10:18 slices
waitprof report --utc --format html --from 10:18 slices | grep -o 'There is no profile[^<]*<br>[^<]*'
waitprof timeline --utc --profile mutex --from -3m slices | sed -n 2p
status_of waitprof report --utc --from '2026-11-22 10:20' slices
