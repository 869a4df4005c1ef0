export WAITPROF_BLOCK_RATE=0 WAITPROF_MUTEX_FRACTION=0
start hold_lock 0
wait_until waitprof rate "$pid"
sleep 0.2
samples_of "$pid"
waitprof record --quiet --seconds 1 --block-rate 1 --mutex-fraction 1 -o span "$pid"
waitprof rate "$pid"
ls
after=$(samples_of "$pid")
((after > 50)) || echo "only $after samples"
sleep 0.3
(($(samples_of "$pid") == after)) || echo "it does not sleep"
