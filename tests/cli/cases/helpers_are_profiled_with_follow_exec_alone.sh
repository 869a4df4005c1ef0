rates=(--block-rate 1 --mutex-fraction 1)
waitprof run -q "${rates[@]}" -o alone --keep-region -- sh -c 'hold_lock 50; true'
echo "without: $(region_count)"
waitprof run -q "${rates[@]}" -o all --keep-region --follow-exec -- sh -c 'hold_lock 50; hold_lock 50'
echo "with: $(region_count)"
