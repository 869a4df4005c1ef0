colours()
{
    script -qec "$1" /dev/null | grep -c $'\033' || true
}
waitprof doctor true | grep -c $'\033' || true
colours 'waitprof doctor true'
colours 'TERM=xterm waitprof doctor true'
colours 'TERM=xterm NO_COLOR=1 waitprof doctor true'
