waitprof run -q --keep-region hold_lock 50
region=$(echo "$WAITPROF_DIR"/*.wpr)
status_of waitprof top --kind mutx "$region"
status_of waitprof export --kind mutex,rwlock.raed -o never "$region"
status_of waitprof export --kind mutex, -o never "$region"
status_of waitprof functions --kind slep
status_of waitprof functions --kind xxxxxxxx "$region"
status_of waitprof run --kind locks touch never
status_of waitprof run --events nett touch never
status_of waitprof run --events sync,,io touch never
status_of waitprof run --labels knid touch never
status_of waitprof export --labels kind,kind,size -o never "$region"
ls
