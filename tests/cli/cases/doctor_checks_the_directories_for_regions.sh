need_isolation
export WAITPROF_DIR=$PWD/regions
check()
{
    status_of waitprof doctor
}
echo "to be made:" && check
mkdir regions && chmod 777 regions && echo "writable by all:" && check
rmdir regions && touch regions && echo "a file:" && check
rm regions && mkdir -m 700 regions && mount -t tmpfs -o size=64k tmpfs regions && chmod 700 regions
echo "full:" && check
mount -o remount,ro regions && echo "read-only:" && check
chown 65534 regions 2>/dev/null || true
mount -o remount,rw regions && chown 65534 regions && echo "of another user:" && check
WAITPROF_DIR=/nonexistent/deep/regions && echo "without parent:" && check
WAITPROF_DIR=regions && echo "relative:" && check
