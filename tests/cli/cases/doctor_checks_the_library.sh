need_users
mkdir -m 700 closed
cp "$library" closed/libwaitprof.so
cp "$library" unreadable.so
chmod 600 unreadable.so
cp "$library" 'with blank.so'
echo hello >text.so
check()
{
    WAITPROF_LIBRARY=$1 status_of "${@:2}" waitprof doctor
}
check /nonexistent/libwaitprof.so
check "$PWD/closed/libwaitprof.so"
check "$PWD/unreadable.so" as_nobody
check "$PWD/with blank.so"
check "$PWD/text.so"
