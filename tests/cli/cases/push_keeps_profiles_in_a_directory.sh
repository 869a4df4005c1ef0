start hold_lock 0
wait_until has_samples "$pid"
waitprof push --to kept --once --every 300ms "$pid"
find kept -type f ! -name '.*' | sed -E "s/$pid/PID/; s/[0-9]{8}T[0-9]{6}\.[0-9]{6}Z/TIME/" | sort
