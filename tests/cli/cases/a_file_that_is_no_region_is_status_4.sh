head -c 8192 /dev/zero >zeros.wpr
echo hello >text.wpr
status_of waitprof top "$PWD/zeros.wpr"
status_of waitprof export --format text "$PWD/text.wpr"
mkfifo pipe
status_of waitprof top .
status_of waitprof rate ./pipe
status_of waitprof export --format text /dev/null
