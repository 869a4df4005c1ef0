# What the test was started with must not use up the limit.
for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    if ((fd > 2)); then exec {fd}>&-; fi
done
ulimit -n 5
status_of timeout -s INT 20 waitprof serve --listen 127.0.0.1:0
