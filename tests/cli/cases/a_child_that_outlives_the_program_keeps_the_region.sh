waitprof run -o while_it_runs -- outlive "$PWD/pid"
child=$(<pid)
started+=("$child")
region_count
waitprof ls --json | grep state
rm pid
wait_until is_gone "$child"
waitprof ls --json | grep state
ls
