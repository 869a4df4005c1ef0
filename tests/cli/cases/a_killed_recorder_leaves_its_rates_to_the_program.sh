start hold_lock 0
wait_until waitprof rate "$pid"
waitprof record --quiet --seconds 1 --block-rate 1 --mutex-fraction 1 -o span "$pid" &
recorder=$!
wait_until eval 'waitprof rate "$pid" | grep -x "mutex-fraction  1"'
kill -KILL "$recorder"
wait "$recorder" 2>/dev/null || true
waitprof rate "$pid" | sed -n 1,2p
# Read from the file, where only the program can have put it: the word at 328 is the fraction.
in_force()
{
    od -An -t u8 -j 328 -N 8 "$WAITPROF_DIR"/hold_lock.*.wpr | tr -d ' '
}
in_force
wait_until eval '[[ $(in_force) == 10 ]]'
waitprof rate "$pid"
ls
