need_isolation
# make_stranger REGION: as another release would have left it.
make_stranger()
{
    printf '\310' | dd of="$1" bs=1 seek=8 conv=notrunc status=none
}
waitprof run --quiet --keep-region hold_lock 50
region=$(echo "$WAITPROF_DIR"/*.wpr)
make_stranger "$region"
echo "not without being told:"
waitprof prune
echo "not if it is younger:"
waitprof prune --older-than 1h
touch -d '2 hours ago' "$region"
waitprof prune --older-than 3h
echo "not if it is in use:"
start hold_lock 0
wait_until has_samples "$pid"
used=$(ls "$WAITPROF_DIR"/*."$pid".*.wpr)
make_stranger "$used"
touch -d '2 hours ago' "$region" "$used"
waitprof prune --older-than 1h --dry-run
waitprof prune --older-than 1h
waitprof prune --older-than 0
[[ ! -e $region && -e $used ]] && echo "the other is left"
