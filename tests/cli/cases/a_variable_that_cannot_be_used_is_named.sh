# The library ignores what it cannot use, without a word: the commands tell.
for value in .5% 101% '0.5 %' 2000; do
    WAITPROF_BUDGET=$value waitprof doctor | grep BUDGET
done
WAITPROF_BLOCK_RATE=100us WAITPROF_MUTEX_FRACTION=-1 waitprof doctor | grep -E 'BLOCK_RATE|FRACTION'
WAITPROF_BUDGET=half waitprof run -o profile -- true >/dev/null
WAITPROF_BUDGET=0.5% WAITPROF_BLOCK_RATE=1000 waitprof doctor | grep -c WAITPROF_BUDGET || true
# It runs, and is profiled at the default: only its own environment knows that something was meant.
WAITPROF_BUDGET=half start hold_lock 0
wait_until has_samples "$pid"
waitprof doctor "$pid" | grep BUDGET
