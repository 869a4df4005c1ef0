# Its hidden program is stopped, so that the calibration cannot end meanwhile.
start hold_lock 0
wait_until waitprof rate "$pid"
mkdir scratch
TMPDIR=$PWD/scratch waitprof tune --seconds 60 "$pid" >/dev/null &
tune=$!
child_stopped()
{
    read -r child <"/proc/$tune/task/$tune/children"
    kill -STOP "$child"
    ls scratch/waitprof-tune-*
}
wait_until child_stopped
kill -TERM "$tune"
status_of wait "$tune" 2>/dev/null
find scratch -mindepth 1
