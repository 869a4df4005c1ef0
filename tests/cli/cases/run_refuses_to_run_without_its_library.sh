WAITPROF_LIBRARY=/nonexistent/libwaitprof.so status_of waitprof run echo "it ran"
