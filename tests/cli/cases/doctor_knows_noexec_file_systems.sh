need_isolation
mkdir noexec
mount -t tmpfs -o noexec tmpfs noexec
cp "$library" noexec
WAITPROF_LIBRARY=$PWD/noexec/libwaitprof.so status_of waitprof doctor
